// Errors say "later" or "never", and keep what a peer reads apart from what the operator reads.
#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace toast {
namespace {

TEST(Result, TransientAndPermanentAreKept) {
  const Result<int> later = transient("database is away");
  const Result<int> never = permanent("no such user", "5.1.1 no such mailbox");
  EXPECT_EQ(later.error().failure, Failure::transient);
  EXPECT_EQ(later.error().reply, "4.3.0 try again later");
  EXPECT_EQ(later.error().detail, "database is away");
  EXPECT_EQ(never.error().failure, Failure::permanent);
  EXPECT_EQ(never.error().reply, "5.1.1 no such mailbox");
}

TEST(Result, PassKeepsTheErrorAndAddsContext) {
  Result<int> inner = permanent("no such user", "5.1.1 no");
  Result<std::string> outer = pass(inner, "resolve a@b");
  EXPECT_EQ(outer.error().failure, Failure::permanent);
  EXPECT_EQ(outer.error().reply, "5.1.1 no");
  EXPECT_EQ(outer.error().detail, "resolve a@b: no such user");
}

TEST(Result, SystemErrorsAreTemporaryAndNamed) {
  errno = EACCES;
  const Result<void> failed = system_error("open", "queue/lock");
  EXPECT_EQ(failed.error().failure, Failure::transient);
  EXPECT_EQ(failed.error().detail, "open queue/lock: Permission denied");
  EXPECT_EQ(Result<void>(system_error("fork", "", EAGAIN)).error().detail,
            "fork: Resource temporarily unavailable");
}

}  // namespace
}  // namespace toast
