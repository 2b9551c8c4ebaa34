#include "auth/credentials_copy.h"

#include <gtest/gtest.h>

#include "tests/contract/credentials/memory_credentials.h"

namespace toast::auth {
namespace {

constexpr WallTime kThen{std::chrono::seconds{1'800'000'000}};

void fill(MemoryCredentials& from) {
  ASSERT_TRUE(from.put("ann@example.org", "h1", kThen));
  ASSERT_TRUE(from.put_scram("ann@example.org", "h1", "SCRAM").value());
  ASSERT_TRUE(from.set_reversible("ann@example.org", true).value());
  ASSERT_TRUE(from.put_sealed("ann@example.org", "h1", "sealed").value());
  ASSERT_TRUE(from.put("bob@example.org", "h2", kThen));
  ASSERT_TRUE(from.set_reversible("bob@example.org", true).value());  // nothing learnt yet
  ASSERT_TRUE(from.put("carl@example.org", "h3", kThen));
  ASSERT_TRUE(from.set_state("carl@example.org", CredentialState::locked).value());
}

TEST(CredentialsCopy, EverythingOfAnAccountGoesAlong) {
  MemoryCredentials from;
  MemoryCredentials to;
  fill(from);
  // What is there already is written over, the switch as well.
  ASSERT_TRUE(to.put("carl@example.org", "old", kThen));
  ASSERT_TRUE(to.set_reversible("carl@example.org", true).value());
  ASSERT_TRUE(to.put_sealed("carl@example.org", "old", "old").value());
  for (int twice = 0; twice < 2; ++twice) {
    const Result<std::uint64_t> copied = copy_credentials(from, to);
    ASSERT_TRUE(copied) << copied.error().detail;
    EXPECT_EQ(*copied, 3U);
    for (const char* account : {"ann@example.org", "bob@example.org", "carl@example.org"})
      EXPECT_EQ(to.find(account).value(), from.find(account).value()) << account;
  }
}

}  // namespace
}  // namespace toast::auth
