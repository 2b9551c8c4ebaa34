#include "auth/login_recorder.h"

#include <gtest/gtest.h>

#include "tests/contract/credentials/memory_credentials.h"
#include "tests/unit/auth/run_task.h"

namespace toast::auth {
namespace {

class LoginRecorderTest : public testing::Test {
 protected:
  FakeClock clock_;
  SilentLogger log_;
  asio::io_context io_;
  MemoryCredentials credentials_;
  CredentialsWriter writer_{credentials_};
  Metrics metrics_;
  Counter lost_ = metrics_.counter("auth.lastlogin.lost");
  LoginRecorder recorder_{writer_, log_, metrics_, 3};

  void add(const char* account, const char* peer = "192.0.2.1", Service service = Service::pop3) {
    clock_.advance(std::chrono::seconds{1});
    recorder_.add({account, service, clock_.wall(), peer});
  }
};

TEST_F(LoginRecorderTest, WritesABatchInOneTransaction) {
  add("ann");
  add("bob");
  add("ann", "192.0.2.9");
  EXPECT_EQ(recorder_.waiting(), 2U);
  run_task(io_, recorder_.flush());
  EXPECT_EQ(recorder_.waiting(), 0U);
  EXPECT_EQ(credentials_.transactions(), 1);
  EXPECT_EQ(credentials_.last_logins("ann")->at(0).peer, "192.0.2.9");
  EXPECT_EQ(credentials_.last_logins("ann")->at(0).at, clock_.wall());
  EXPECT_EQ(credentials_.last_logins("bob")->size(), 1U);
}

TEST_F(LoginRecorderTest, NothingToWriteIsNoTransaction) {
  run_task(io_, recorder_.flush());
  EXPECT_EQ(credentials_.transactions(), 0);
}

TEST_F(LoginRecorderTest, AnOutageKeepsThemForLater) {
  credentials_.fail_with(Error{Failure::transient, "", "locked"});
  add("ann", "192.0.2.1");
  run_task(io_, recorder_.flush());
  EXPECT_EQ(recorder_.waiting(), 1U);
  add("ann", "192.0.2.2");
  add("bob");
  credentials_.fail_with(std::nullopt);
  run_task(io_, recorder_.flush());
  EXPECT_EQ(credentials_.last_logins("ann")->at(0).peer, "192.0.2.2");
  EXPECT_EQ(credentials_.last_logins("bob")->size(), 1U);
  EXPECT_EQ(lost_.value(), 0U);
}

TEST_F(LoginRecorderTest, WhatWaitsIsBounded) {
  credentials_.fail_with(Error{Failure::transient, "", "locked"});
  for (const char* account : {"a", "b", "c", "d", "e", "a"}) add(account);
  EXPECT_EQ(recorder_.waiting(), 3U);
  EXPECT_EQ(lost_.value(), 2U);
}

}  // namespace
}  // namespace toast::auth
