#include "auth/set_password.h"

#include <gtest/gtest.h>

#include "auth/service.h"
#include "tests/contract/credentials/memory_credentials.h"

namespace toast::auth {
namespace {

class SetPasswordTest : public testing::Test {
 protected:
  FakeClock clock_;
  MemoryCredentials credentials_;
  Argon2Hasher hasher_{HashCost{8192, 1}};
};

TEST_F(SetPasswordTest, StoresAHashThatVerifies) {
  ASSERT_TRUE(set_password(credentials_, hasher_, "ann@x.org", Secret("grün 1"), clock_.wall()));
  const std::optional<Credential> stored = credentials_.find("ann@x.org").value();
  ASSERT_TRUE(stored);
  EXPECT_TRUE(hasher_.verify(stored->hash, Secret("grün 1")).value());
  EXPECT_EQ(stored->changed, clock_.wall());
}

TEST_F(SetPasswordTest, RefusesWhatNoClientCouldSend) {
  struct Case {
    std::string password;
    const char* says;
  };
  const Case kCases[] = {{"", "empty"},
                         {std::string(kMaxPassword + 1, 'x'), "longer than 1024"},
                         {"two\nlines", "line end"},
                         {"two\rlines", "line end"},
                         {std::string("a\0b", 3), "NUL"}};
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.says);
    const Result<void> done =
        set_password(credentials_, hasher_, "ann@x.org", Secret(c.password), clock_.wall());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().failure, Failure::permanent);
    EXPECT_NE(done.error().reply.find(c.says), std::string::npos) << done.error().reply;
    EXPECT_EQ(credentials_.find("ann@x.org").value(), std::nullopt);
  }
  EXPECT_TRUE(check_password(Secret(std::string(kMaxPassword, 'x'))));
  EXPECT_TRUE(check_password(Secret(" with spaces ")));
}

TEST_F(SetPasswordTest, AnOutageIsPassedOn) {
  credentials_.fail_with(Error{Failure::transient, "", "database is locked"});
  const Result<void> done =
      set_password(credentials_, hasher_, "ann@x.org", Secret("secret"), clock_.wall());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().failure, Failure::transient);
}

}  // namespace
}  // namespace toast::auth
