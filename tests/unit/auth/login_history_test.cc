#include "auth/login_history.h"

#include <gtest/gtest.h>

#include "auth/kept_words.h"
#include "auth/login_watch.h"

namespace toast::auth {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

LoginEvent seen(LoginResult result, const std::string& login, const std::string& peer,
                const std::string& reason = {}) {
  LoginEvent event;
  event.result = result;
  event.login = login;
  event.account = result == LoginResult::granted ? login : "";
  event.peer = peer;
  event.reason = reason;
  return event;
}

LoginFilter of_network(const char* text) {
  LoginFilter filter;
  filter.network = Network::parse(text).value();
  return filter;
}

class LoginHistoryTest : public testing::Test {
 protected:
  FakeClock clock_;
  LoginHistory history_{clock_, 100};

  void granted(const std::string& login, const std::string& peer = "192.0.2.1") {
    history_.add(seen(LoginResult::granted, login, peer));
  }
  void refused(const std::string& login, const std::string& peer = "198.51.100.1") {
    history_.add(seen(LoginResult::refused, login, peer, "wrong_password"));
  }
  std::vector<LoginEvent> all() const { return history_.find({}, 0, 1000); }
};

TEST_F(LoginHistoryTest, APollingClientIsOneLineAnHour) {
  for (int i = 0; i < 120; ++i) {
    granted("ann@example.org");
    clock_.advance(minutes{1});
  }
  const std::vector<LoginEvent> events = all();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].count, 60U);
  EXPECT_EQ(events[1].count, 60U);
  EXPECT_GT(events[0].serial, events[1].serial);
  EXPECT_EQ(events[1].last - events[1].first, minutes{59});
}

TEST_F(LoginHistoryTest, AnotherAddressResultOrReasonIsAnotherLine) {
  granted("ann@example.org");
  granted("ann@example.org", "192.0.2.2");
  refused("ann@example.org", "192.0.2.1");
  history_.add(seen(LoginResult::refused, "ann@example.org", "192.0.2.1", "locked"));
  EXPECT_EQ(all().size(), 4U);
}

TEST_F(LoginHistoryTest, AGuesserDoesNotPushTheOwnersLoginsOut) {
  granted("ann@example.org");
  for (int i = 0; i < 1000; ++i) refused("name" + std::to_string(i));
  EXPECT_EQ(history_.size(), 101U);
  LoginFilter anns;
  anns.account = "ann@example.org";
  EXPECT_EQ(history_.find(anns, 0, 10).size(), 1U);
}

TEST_F(LoginHistoryTest, IsAskedByAccountAddressTimeAndResult) {
  granted("ann@example.org", "192.0.2.1");
  clock_.advance(hours{2});
  refused("Ann@Example.org", "198.51.100.7");
  refused("bob@example.org", "2001:db8::7");
  LoginFilter filter;
  filter.account = "ann@example.org";
  EXPECT_EQ(history_.find(filter, 0, 10).size(), 2U);  // also as it was typed
  filter.failed_only = true;
  EXPECT_EQ(history_.find(filter, 0, 10).size(), 1U);
  EXPECT_EQ(history_.find(of_network("198.51.100.0/24"), 0, 10).size(), 1U);
  EXPECT_EQ(history_.find(of_network("2001:db8::/32"), 0, 10).size(), 1U);
  EXPECT_EQ(history_.find(of_network("203.0.113.0/24"), 0, 10).size(), 0U);
  LoginFilter lately;
  lately.since = clock_.wall() - hours{1};
  EXPECT_EQ(history_.find(lately, 0, 10).size(), 2U);
}

TEST_F(LoginHistoryTest, PagesMeet) {
  for (int i = 0; i < 10; ++i) {
    granted("a" + std::to_string(i));
    refused("b" + std::to_string(i));
  }
  std::vector<LoginEvent> paged;
  std::uint64_t before = 0;
  for (;;) {
    const std::vector<LoginEvent> page = history_.find({}, before, 3);
    paged.insert(paged.end(), page.begin(), page.end());
    if (page.size() < 3) break;
    before = page.back().serial;
  }
  EXPECT_EQ(paged, all());
}

TEST_F(LoginHistoryTest, EndedEventsAreWrittenOnceAndReadBack) {
  granted("ann@example.org");
  granted("ann@example.org");
  refused("a b\n\"%=", "2001:db8::1");
  EXPECT_EQ(history_.take_lines(LoginHistory::Shelf::failed), "");
  clock_.advance(minutes{2});
  history_.close();  // the wrong one only: the right one may come again
  const std::string failed = history_.take_lines(LoginHistory::Shelf::failed);
  EXPECT_EQ(std::count(failed.begin(), failed.end(), '\n'), 1);
  EXPECT_EQ(history_.take_lines(LoginHistory::Shelf::granted), "");
  history_.close(true);
  const std::string granted_lines = history_.take_lines(LoginHistory::Shelf::granted);
  EXPECT_EQ(history_.take_lines(LoginHistory::Shelf::failed), "");

  LoginHistory again(clock_);
  EXPECT_EQ(again.load(granted_lines + failed), 0U);
  std::vector<LoginEvent> before = all();
  std::vector<LoginEvent> after = again.find({}, 0, 10);
  ASSERT_EQ(after.size(), 2U);
  for (std::vector<LoginEvent>* events : {&before, &after}) {
    for (LoginEvent& event : *events) event.serial = 0;
    std::sort(events->begin(), events->end(),
              [](const auto& a, const auto& b) { return a.login < b.login; });
  }
  EXPECT_EQ(after, before);
}

TEST_F(LoginHistoryTest, ATornLastLineCostsThatLine) {
  granted("ann@example.org");
  granted("bob@example.org");
  history_.close(true);
  std::string lines = history_.take_lines(LoginHistory::Shelf::granted);
  lines.resize(lines.size() - 20);
  LoginHistory again(clock_);
  EXPECT_EQ(again.load(lines), 1U);
  EXPECT_EQ(again.size(), 1U);
}

TEST_F(LoginHistoryTest, IsForgottenAfterThirtyDays) {
  granted("ann@example.org");
  history_.close(true);
  const std::string lines = history_.take_lines(LoginHistory::Shelf::granted);
  clock_.advance(kLoginsKeptFor + seconds{1});
  history_.close();
  EXPECT_EQ(history_.size(), 0U);
  EXPECT_FALSE(history_.reaches_back_to());
  LoginHistory again(clock_);
  EXPECT_EQ(again.load(lines), 0U);
  EXPECT_EQ(again.size(), 0U);
}

TEST_F(LoginHistoryTest, AClockThatIsSetBackBeginsANewLine) {
  granted("ann@example.org");
  clock_.set_wall(clock_.wall() - hours{5});
  granted("ann@example.org");
  EXPECT_EQ(all().size(), 2U);
  history_.close();
  EXPECT_EQ(all().size(), 2U);
}

TEST(KeptWord, IsOneWordAndComesBack) {
  for (const std::string& text :
       {std::string(), std::string("-"), std::string("a b"), std::string("100%"),
        std::string("%2d"), std::string("\0\n\xff", 3), std::string("ann@example.org")}) {
    const std::string word = kept_word(text);
    EXPECT_EQ(word.find_first_of(" \n"), std::string::npos);
    EXPECT_FALSE(word.empty());
    EXPECT_EQ(from_kept_word(word), text);
  }
}

TEST(LoginWatchTest, KnowsWhoIsKeptOutNow) {
  FakeClock clock;
  LoginWatch watch(clock, nullptr);
  const IpAddress peer = IpAddress::parse("2001:db8::7").value();
  watch.hindered("ann@example.org", peer, {Throttle::Limit::account, seconds{10}});
  watch.hindered("ann@example.org", peer, {Throttle::Limit::account, seconds{10}});
  watch.hindered("bob@example.org", peer, {Throttle::Limit::address, seconds{60}});
  std::vector<Hindered> now = watch.hindered_now();
  ASSERT_EQ(now.size(), 2U);
  EXPECT_EQ(now[0].who, "2001:db8::");  // the network that is counted
  EXPECT_EQ(now[1].who, "ann@example.org");
  EXPECT_EQ(now[1].attempts, 2U);
  clock.advance(seconds{11});
  now = watch.hindered_now();
  ASSERT_EQ(now.size(), 1U);
  watch.forget("2001:db8::");
  EXPECT_TRUE(watch.hindered_now().empty());
}

TEST(LoginWatchTest, RemembersABoundedNumber) {
  FakeClock clock;
  LoginWatch watch(clock, nullptr);
  const IpAddress peer = IpAddress::parse("192.0.2.1").value();
  for (std::size_t i = 0; i < 2 * kMaxHindered; ++i)
    watch.hindered(std::to_string(i), peer, {Throttle::Limit::account, seconds{10}});
  EXPECT_EQ(watch.hindered_now().size(), kMaxHindered);
  clock.advance(seconds{11});
  watch.hindered("late", peer, {Throttle::Limit::account, seconds{10}});
  EXPECT_EQ(watch.hindered_now().size(), 1U);
}

}  // namespace
}  // namespace toast::auth
