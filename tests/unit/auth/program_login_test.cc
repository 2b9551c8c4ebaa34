// Domains whose passwords a program checks: what counts, what does not, and what a stranger may
// learn.
#include <gmock/gmock.h>

#include "auth/app_password.h"
#include "auth/set_password.h"
#include "tests/unit/auth/login_fixture.h"

namespace toast::auth {
namespace {

using Asked = FakePrograms::Asked;

class ProgramLogin : public LoginFixture {
 protected:
  void SetUp() override {
    LoginFixture::SetUp();
    programs_.of = "example.org";
    directory_.add("bob@here.test", "bob@here.test");
    put("bob@here.test", "plain:secret");
  }
};

TEST_F(ProgramLogin, TheProgramIsAskedForTheMailboxInPlaceOfTheStoredPassword) {
  for (const char* name : {"ann@example.org", "ann", "ann@alias.example"})
    EXPECT_EQ(outcome(name, "elsewhere"), Outcome::granted) << name;
  EXPECT_EQ(outcome("ann@example.org", "secret"), Outcome::refused);  // what is stored
  // The same name whatever was typed, and every time: nothing is remembered.
  EXPECT_THAT(programs_.asked, testing::ElementsAre(Asked{"ann@example.org", "elsewhere"},
                                                    Asked{"ann@example.org", "elsewhere"},
                                                    Asked{"ann@example.org", "elsewhere"},
                                                    Asked{"ann@example.org", "secret"}));
  EXPECT_EQ(hasher_->verified(), 0);
}

TEST_F(ProgramLogin, OtherDomainsAreNotTouched) {
  EXPECT_EQ(outcome("bob@here.test", "secret"), Outcome::granted);
  EXPECT_EQ(outcome("nobody@here.test", "secret"), Outcome::refused);
  EXPECT_TRUE(programs_.asked.empty());
}

TEST_F(ProgramLogin, AMailboxNeedsNoStoredPassword) {
  EXPECT_EQ(outcome("none@example.org", "elsewhere"), Outcome::granted);
}

// Each costs one run of the program, and its yes opens nothing.
TEST_F(ProgramLogin, EveryRefusalLooksAndCostsTheSame) {
  struct Case {
    const char* name;
    const char* password;
    const char* heard;
    const char* reason;
  };
  const Case kCases[] = {
      {"ann@example.org", "guess", "ann@example.org", "wrong_password"},
      {"Nobody@example.org", "elsewhere", "nobody@example.org", "unknown_account"},
      {"nobody", "elsewhere", "nobody@example.org", "unknown_account"},
      {"locked@example.org", "elsewhere", "locked@example.org", "locked"},
      {"off@example.org", "elsewhere", "off@example.org", "service_off"},
  };
  int peer = 0;
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    programs_.asked.clear();
    const std::size_t logged = log_.lines.size();
    EXPECT_EQ(outcome(c.name, c.password, "192.0.2." + std::to_string(++peer)), Outcome::refused);
    EXPECT_THAT(programs_.asked, testing::ElementsAre(Asked{c.heard, c.password}));
    EXPECT_EQ(hasher_->verified(), 0);
    ASSERT_EQ(log_.lines.size(), logged + 1);
    EXPECT_THAT(log_.lines.back(), testing::HasSubstr(std::string("reason=") + c.reason));
  }
}

// Neither is a wrong password, and neither counts as a failure.
TEST_F(ProgramLogin, AProgramThatCannotSayIsAnOutage) {
  for (int i = 0; i < 50; ++i) {
    programs_.away = i % 2 == 0;
    programs_.verdict = CheckByProgram::Verdict::unknown;
    for (const char* name : {"ann@example.org", "nobody@example.org", "locked@example.org"}) {
      const Result<Login::Reply> reply = login(name, "elsewhere");
      ASSERT_FALSE(reply) << name;
      EXPECT_EQ(reply.error().failure, Failure::transient);
      EXPECT_EQ(reply.error().reply, "4.7.0 try again later");
    }
  }
  programs_.away = false;
  programs_.verdict = CheckByProgram::Verdict::right;
  EXPECT_EQ(outcome("ann@example.org", "elsewhere"), Outcome::granted);
}

TEST_F(ProgramLogin, GuessesAreThrottledAsEverywhere) {
  for (int i = 0; i < 200; ++i) outcome("ann@example.org", "guess", "192.0.2.9");
  EXPECT_LT(programs_.asked.size(), 50U);
  EXPECT_EQ(outcome("ann@example.org", "elsewhere", "192.0.2.9"), Outcome::throttled);
}

TEST_F(ProgramLogin, AnAppPasswordIsTakenWithoutAskingTheProgram) {
  const auto made =
      add_app_password(credentials_, random_, "none@example.org", {"phone", ""}, clock_.wall());
  ASSERT_TRUE(made && *made);
  const std::string app((*made)->view());
  EXPECT_EQ(outcome("none@example.org", app), Outcome::granted);
  EXPECT_TRUE(programs_.asked.empty());
  EXPECT_EQ(outcome("ann@example.org", app), Outcome::refused);  // not hers
  EXPECT_EQ(programs_.asked.size(), 1U);
}

// The program does not know what SASLprep makes of a password: it hears what was typed, once.
TEST_F(ProgramLogin, ThePasswordIsThatWhichWasTyped) {
  const std::string typed = "soft\xc2\xadhyphen";
  EXPECT_EQ(outcome("ann@example.org", typed), Outcome::refused);
  EXPECT_THAT(programs_.asked, testing::ElementsAre(Asked{"ann@example.org", typed}));
}

TEST_F(ProgramLogin, WhatIsKeptForScramCountsForNothing) {
  service_.use_scram(MechanismUse::offer, "example.org");
  ASSERT_TRUE(set_password(credentials_, *hasher_, "ann@example.org", Secret("secret"),
                           clock_.wall(), &random_));
  const Result<ScramAccount> account =
      run_task(io_, service_.scram_account(Service::pop3, "ann@example.org"));
  ASSERT_TRUE(account);
  EXPECT_EQ(account->stored, "");  // an invention
  ScramProof proof{true, credentials_.find("ann@example.org").value()->scram};
  Login asking = request("ann@example.org", "", "192.0.2.1");
  const Result<Login::Reply> reply = run_task(
      io_, service_.login_by_proof("toast-pop3d.1", std::move(asking), "", std::move(proof)));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->outcome, Outcome::refused);
  EXPECT_TRUE(programs_.asked.empty());
}

TEST_F(ProgramLogin, ALockHoldsAtOnce) {
  EXPECT_EQ(outcome("ann@example.org", "elsewhere"), Outcome::granted);
  ASSERT_TRUE(credentials_.set_state("ann@example.org", CredentialState::locked));
  EXPECT_EQ(outcome("ann@example.org", "elsewhere"), Outcome::refused);
}

}  // namespace
}  // namespace toast::auth
