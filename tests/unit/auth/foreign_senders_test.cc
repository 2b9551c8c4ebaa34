#include "auth/foreign_senders.h"

#include <gtest/gtest.h>

namespace toast::auth {
namespace {

using std::chrono::hours;

class ForeignSendersTest : public testing::Test {
 protected:
  FakeClock clock_;
  ForeignSenders senders_{clock_};
  void saw(const std::string& login, const std::string& address,
           SenderPlace place = SenderPlace::mail_from) {
    senders_.add(login, place, address, false);
  }
  std::vector<ForeignSender> all() const { return senders_.list({}, 100'000); }
};

TEST_F(ForeignSendersTest, CountsByLoginPlaceAndAddress) {
  saw("ann@example.org", "boss@example.org");
  clock_.advance(hours{1});
  saw("ann@example.org", "boss@example.org");
  saw("ann@example.org", "boss@example.org", SenderPlace::header_from);
  senders_.add("bob@example.org", SenderPlace::mail_from, "x@far.test", true);
  const std::vector<ForeignSender> found = all();
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].count, 2U);
  EXPECT_EQ(found[0].last - found[0].first, hours{1});
  EXPECT_EQ(found[1].place, SenderPlace::header_from);
  EXPECT_TRUE(found[2].refused);
}

TEST_F(ForeignSendersTest, IsBoundedForALoginAndInAll) {
  for (int i = 0; i < 1000; ++i) saw("ann@example.org", "x" + std::to_string(i) + "@far.test");
  std::vector<ForeignSender> found = all();
  ASSERT_EQ(found.size(), kMaxForeignOfLogin + 1);
  EXPECT_EQ(found[0].address, kOtherAddresses);
  EXPECT_EQ(found[0].count, 1000 - kMaxForeignOfLogin);
  for (std::size_t i = 0; i < 2 * kMaxForeignSenders; ++i)
    saw("login" + std::to_string(i) + "@example.org", "x@far.test");
  EXPECT_EQ(all().size(), kMaxForeignSenders);
  clock_.advance(kForeignKeptFor + hours{1});
  saw("late@example.org", "x@far.test");  // what is over makes room
  EXPECT_EQ(all().size(), 1U);
}

TEST_F(ForeignSendersTest, PagesMeet) {
  for (int i = 0; i < 10; ++i) saw("login" + std::to_string(i) + "@example.org", "x@far.test");
  std::vector<ForeignSender> paged;
  std::optional<ForeignSender> after;
  for (;;) {
    const std::vector<ForeignSender> page = senders_.list(after, 3);
    paged.insert(paged.end(), page.begin(), page.end());
    if (page.size() < 3) break;
    after = page.back();
  }
  EXPECT_EQ(paged, all());
}

TEST_F(ForeignSendersTest, ComesBackFromItsFile) {
  saw("ann@example.org", "\"a b\"@far.test");
  senders_.add("bob@example.org", SenderPlace::header_from, "x@far.test", true);
  EXPECT_TRUE(senders_.is_changed());
  const std::string text = senders_.take_text();
  EXPECT_FALSE(senders_.is_changed());
  ForeignSenders again(clock_);
  ASSERT_TRUE(again.load(text));
  EXPECT_EQ(again.list({}, 100), all());
  EXPECT_FALSE(again.load("nonsense\n"));
  clock_.advance(kForeignKeptFor + hours{1});
  EXPECT_EQ(senders_.take_text(), "");
}

}  // namespace
}  // namespace toast::auth
