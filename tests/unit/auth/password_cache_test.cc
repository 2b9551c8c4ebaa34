#include "auth/password_cache.h"

#include <gtest/gtest.h>

namespace toast::auth {
namespace {

using std::chrono::seconds;

class PasswordCacheTest : public testing::Test {
 protected:
  FakeClock clock_;
  SeededRandom random_{1};
  PasswordCache cache_{clock_, random_, seconds{60}, 3};
  Digest key(const char* mailbox, const char* stored, const char* password) {
    return cache_.key_of(mailbox, stored, Secret(password));
  }
};

TEST_F(PasswordCacheTest, EveryPartOfTheKeyCounts) {
  cache_.add(key("ann@x.org", "hash", "secret"));
  EXPECT_TRUE(cache_.contains(key("ann@x.org", "hash", "secret")));
  EXPECT_FALSE(cache_.contains(key("bob@x.org", "hash", "secret")));
  EXPECT_FALSE(cache_.contains(key("ann@x.org", "changed", "secret")));  // the password was changed
  EXPECT_FALSE(cache_.contains(key("ann@x.org", "hash", "guess")));
  EXPECT_FALSE(cache_.contains(key("ann@x.org", "hashs", "ecret")));  // the parts are counted
}

TEST_F(PasswordCacheTest, AnEntryLivesItsTimeAndHitsDoNotRenewIt) {
  cache_.add(key("a", "h", "p"));
  clock_.advance(seconds{59});
  EXPECT_TRUE(cache_.contains(key("a", "h", "p")));
  clock_.advance(seconds{1});
  EXPECT_FALSE(cache_.contains(key("a", "h", "p")));
  EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(PasswordCacheTest, TheOneUsedLongestAgoMakesRoom) {
  for (const char* mailbox : {"a", "b", "c"}) cache_.add(key(mailbox, "h", "p"));
  EXPECT_TRUE(cache_.contains(key("a", "h", "p")));
  cache_.add(key("d", "h", "p"));
  EXPECT_EQ(cache_.size(), 3U);
  EXPECT_FALSE(cache_.contains(key("b", "h", "p")));
  EXPECT_TRUE(cache_.contains(key("a", "h", "p")));
}

TEST_F(PasswordCacheTest, ATimeToLiveOfZeroRemembersNothing) {
  cache_.add(key("a", "h", "p"));
  cache_.set_time_to_live(seconds{0});
  EXPECT_FALSE(cache_.contains(key("a", "h", "p")));
  cache_.add(key("b", "h", "p"));
  EXPECT_FALSE(cache_.contains(key("b", "h", "p")));
}

TEST_F(PasswordCacheTest, AnotherProcessHasOtherKeys) {
  PasswordCache other(clock_, random_, seconds{60}, 3);
  EXPECT_NE(key("a", "h", "p"), other.key_of("a", "h", Secret("p")));
}

}  // namespace
}  // namespace toast::auth
