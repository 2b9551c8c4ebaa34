// Windows that slide, and the file that they are kept in.
#include "mta/queue/send_limits.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace toast::queue {
namespace {

WallTime at(std::int64_t seconds) { return WallTime{std::chrono::seconds{seconds}}; }
constexpr std::int64_t kStart = 86400 * 20000;  // the beginning of an hour and of a day

TEST(SendCounts, AnHourSlides) {
  SendCounts counts;
  EXPECT_EQ(counts.sent("a", at(kStart)).hour, 0U);
  counts.add("a", 60, at(kStart + 1800));
  counts.add("b", 1, at(kStart + 1800));
  struct Case {
    std::int64_t after;
    std::uint64_t hour;
    std::uint64_t day;
  };
  const Case cases[] = {
      {1800, 60, 60},         {3599, 60, 60},    {3600, 60, 60},  // the whole of the hour before
      {5400, 30, 60},  // half of it lies within the last hour
      {7140, 1, 60},          {7200, 0, 60},     {86400, 0, 60},
      {86400 + 43200, 0, 30}, {2 * 86400, 0, 0}, {99 * 86400, 0, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.after);
    EXPECT_EQ(counts.sent("a", at(kStart + c.after)).hour, c.hour);
    EXPECT_EQ(counts.sent("a", at(kStart + c.after)).day, c.day);
  }
  counts.add("a", 5, at(kStart + 5400));
  EXPECT_EQ(counts.sent("a", at(kStart + 5400)).hour, 35U);
  EXPECT_EQ(counts.sent("a", at(kStart + 5400)).day, 65U);
  counts.take_back("a", 5, at(kStart + 5400));
  EXPECT_EQ(counts.sent("a", at(kStart + 5400)).hour, 30U);
  EXPECT_EQ(counts.sent("b", at(kStart + 1800)).hour, 1U);
}

// Nobody gets a new hour by setting the clock back.
TEST(SendCounts, AClockThatGoesBack) {
  SendCounts counts;
  counts.add("a", 7, at(kStart + 7200));
  EXPECT_EQ(counts.sent("a", at(kStart)).hour, 7U);
  counts.add("a", 1, at(kStart));
  EXPECT_EQ(counts.sent("a", at(kStart + 7200)).hour, 8U);
}

TEST(SendCounts, TextAndBack) {
  SendCounts counts;
  counts.add("login a b@example.org", 7, at(kStart));
  counts.add("uid 1000", 3, at(kStart - 3 * 86400));
  const std::string text = counts.text(at(kStart + 10));
  EXPECT_EQ(text.find("uid"), std::string::npos);  // its two days are over
  const Result<SendCounts> read = SendCounts::parse(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->size(), 1U);
  EXPECT_EQ(read->sent("login a b@example.org", at(kStart + 10)).day, 7U);
  for (const char* bad : {"x\n", "1 2 3\n", "1 2 3 4 5 6\n", "1 2 3 4 5 6 \n", "1 2 3 4 x 6 a\n"})
    EXPECT_FALSE(SendCounts::parse(bad)) << bad;
}

class SendLimitsTest : public testing::Test {
 protected:
  SendLimitsTest() {
    char name[] = "/tmp/toast-sending-XXXXXX";
    folder_ = ::mkdtemp(name);
    options_.login_limit = {10, 0};
    options_.uid_limit = {0, 10};
  }
  ~SendLimitsTest() override { std::filesystem::remove_all(folder_); }
  // A queued that starts, does this, and ends well.
  template <class Work>
  void live(Work work) {
    Result<std::unique_ptr<RealDisk>> disk = RealDisk::open_directory(folder_);
    ASSERT_TRUE(disk);
    asio::thread_pool pool(1);
    SendLimits limits({io_.get_executor(), pool, clock_, log_, disk->get()}, options_);
    work(limits);
    spawn(io_.get_executor(), limits.save());
    io_.restart();
    io_.run();
  }
  std::string folder_;
  asio::io_context io_;
  FakeClock clock_;
  SilentLogger log_;
  Options options_;
};

TEST_F(SendLimitsTest, ARestartForgetsNothing) {
  live([](SendLimits& limits) {
    EXPECT_TRUE(limits.take(limits.of_login("ann@example.org", {}), 10));
    EXPECT_TRUE(limits.take(limits.of_local("uid 1000"), 9));
  });
  live([](SendLimits& limits) {
    EXPECT_FALSE(limits.may_go_on(limits.of_login("ann@example.org", {})));
    EXPECT_TRUE(limits.may_go_on(limits.of_login("bob@example.org", {})));
    EXPECT_TRUE(limits.take(limits.of_local("uid 1000"), 1));
    const Result<void> over = limits.take(limits.of_local("uid 1000"), 1);
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().failure, Failure::transient);
    EXPECT_TRUE(limits.take(limits.of_local("uid 0"), 1000));  // root's mail is the machine's
  });
}

// A file that cannot be read costs the counts, not the service.
TEST_F(SendLimitsTest, AFileThatIsNotOurs) {
  std::ofstream(folder_ + "/sending") << "nonsense\n";
  live([](SendLimits& limits) {
    EXPECT_TRUE(limits.take(limits.of_login("ann@example.org", {}), 10));
  });
  live([](SendLimits& limits) {
    EXPECT_FALSE(limits.may_go_on(limits.of_login("ann@example.org", {})));
  });
}

// Put off again and again: how often is known after a restart, too, until an operator forgives it.
TEST_F(SendLimitsTest, ARunawayIsReported) {
  options_.suspend_after = 3;
  std::vector<std::string> runaways;
  const auto watched = [&](SendLimits& limits) {
    limits.on_runaway(
        [&](const std::string& login, const std::string&) { runaways.push_back(login); });
  };
  live([&](SendLimits& limits) {
    watched(limits);
    EXPECT_TRUE(limits.take(limits.of_login("ann@example.org", {}), 10));
    EXPECT_FALSE(limits.take(limits.of_login("ann@example.org", {}), 1));
    EXPECT_FALSE(limits.may_go_on(limits.of_login("ann@example.org", {})));
    EXPECT_TRUE(limits.take(limits.of_local("uid 1000"), 10));
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(limits.take(limits.of_local("uid 1000"), 1));
  });
  EXPECT_TRUE(runaways.empty());
  live([&](SendLimits& limits) {
    watched(limits);
    EXPECT_EQ(limits.state_of("ann@example.org").put_off_hour, 2U);
    EXPECT_FALSE(limits.may_go_on(limits.of_login("ann@example.org", {})));
    EXPECT_EQ(runaways, std::vector<std::string>{"ann@example.org"});
    EXPECT_EQ(limits.state_of("ann@example.org").sent_hour, 10U);
    limits.forgive("ann@example.org");
    EXPECT_EQ(limits.state_of("ann@example.org").put_off_hour, 0U);
    EXPECT_FALSE(limits.may_go_on(limits.of_login("ann@example.org", {})));
    EXPECT_EQ(runaways.size(), 1U);
  });
}

TEST_F(SendLimitsTest, StoppedSendersSurviveARestart) {
  Result<std::unique_ptr<RealDisk>> disk = RealDisk::open_directory(folder_);
  ASSERT_TRUE(disk);
  StoppedSenders stopped = *StoppedSenders::load(**disk);
  const StoppedSenders::Entry entry{clock_.wall(), "two\nlines"};
  EXPECT_TRUE(stopped.add("ann@example.org", Stop::locked, entry));
  EXPECT_FALSE(stopped.add("ann@example.org", Stop::locked, entry));
  EXPECT_TRUE(stopped.add("ann@example.org", Stop::suspended, entry));
  ASSERT_TRUE(stopped.save());
  StoppedSenders again = *StoppedSenders::load(**disk);
  ASSERT_TRUE(again.is_stopped("ann@example.org"));
  EXPECT_EQ(again.find("ann@example.org")->at(Stop::suspended).reason, "two lines");
  EXPECT_FALSE(again.is_stopped("bob@example.org"));
  EXPECT_TRUE(again.remove("ann@example.org", Stop::locked));
  EXPECT_FALSE(again.remove("ann@example.org", Stop::locked));
  EXPECT_TRUE(again.is_stopped("ann@example.org"));
  EXPECT_TRUE(again.remove("ann@example.org", Stop::suspended));
  EXPECT_FALSE(again.is_stopped("ann@example.org"));
  const std::string with_blank = "\"a b\"@example.org";
  EXPECT_TRUE(again.add(with_blank, Stop::locked, entry));
  ASSERT_TRUE(again.save());
  EXPECT_TRUE(StoppedSenders::load(**disk)->is_stopped(with_blank));
  // Nobody knows whose mail must not go out: that is no file to start with.
  std::ofstream(folder_ + "/stopped") << "nonsense\n";
  EXPECT_FALSE(StoppedSenders::load(**disk));
}

TEST_F(SendLimitsTest, TheDirectorysLimitsStandInPlaceOfTheSettings) {
  options_ = Options();
  options_.login_limit = {};
  options_.domain_limit = {5, 50};
  options_.owner_limit = {7, 70};
  live([](SendLimits& limits) {
    const auto words = [&](const DomainSending& sending) {
      std::string text;
      for (const SendLimitOf& one : limits.of_login("ann@example.org", sending))
        text += one.who + " " + std::to_string(one.limit.hour) + "/" +
                std::to_string(one.limit.day) + ";";
      return text;
    };
    EXPECT_EQ(words({}), "domain example.org 5/50;");
    EXPECT_EQ(words({{}, "acme", {}}), "domain example.org 5/50;owner acme 7/70;");
    EXPECT_EQ(words({{1, {}}, "acme", {{}, 3}}), "domain example.org 1/50;owner acme 7/3;");
    EXPECT_EQ(words({{0, 0}, "acme", {0, 0}}), "");
  });
}

TEST_F(SendLimitsTest, NoLimitNoCount) {
  options_ = Options();
  options_.login_limit = {};
  live([](SendLimits& limits) { EXPECT_TRUE(limits.of_login("ann@example.org", {}).empty()); });
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/sending"));
}

}  // namespace
}  // namespace toast::queue
