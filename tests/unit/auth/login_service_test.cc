#include "auth/login_service.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "auth/app_password.h"
#include "tests/unit/auth/login_fixture.h"

namespace toast::auth {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

class LoginServiceTest : public LoginFixture {};

TEST_F(LoginServiceTest, AGoodPasswordBuysATicketForTheMailbox) {
  for (const char* name : {"ann@example.org", "ann", "ann@alias.example"}) {
    SCOPED_TRACE(name);
    const Login::Reply reply = login(name, "secret").value();
    ASSERT_EQ(reply.outcome, Outcome::granted);
    const Grant grant =
        verifier_.redeem(reply.ticket, Service::pop3, {"toast-pop3d.1", "c0ffee"}).value();
    EXPECT_EQ(grant, (Grant{"ann@example.org", "example.org/ann", 1000, 0, Service::pop3}));
    EXPECT_EQ(reply.mailbox, "ann@example.org");
  }
  EXPECT_EQ(hasher_->verified(), 1);  // the same mailbox under three names: one hash
}

// Whatever is wrong: the same answer, one verification, and the reason in the log only.
TEST_F(LoginServiceTest, EveryRefusalLooksAndCostsTheSame) {
  struct Case {
    const char* name;
    const char* password;
    const char* reason;
  };
  const Case kCases[] = {
      {"ann@example.org", "guess", "wrong_password"},
      {"ann@example.org", "", "wrong_password"},
      {"nobody@example.org", "secret", "unknown_account"},
      {"", "secret", "unknown_account"},
      {"orphan@example.org", "secret", "unknown_account"},
      {"none@example.org", "secret", "no_password"},
      {"locked@example.org", "secret", "locked"},
      {"locked@example.org", "guess", "locked"},
      {"off@example.org", "secret", "service_off"},
      {"off@example.org", "guess", "service_off"},
      {"nobody@example.org", std::string_view("\0nobody types this", 18).data(), "unknown_account"},
  };
  int peer = 0;
  for (const Case& c : kCases) {
    SCOPED_TRACE(std::string(c.name) + " / " + c.password);
    const int before = hasher_->verified();
    const std::size_t logged = log_.lines.size();
    const Login::Reply reply =
        login(c.name, c.password, "192.0.2." + std::to_string(++peer)).value();
    EXPECT_EQ(reply.outcome, Outcome::refused);
    EXPECT_EQ(reply.ticket, "");
    EXPECT_EQ(reply.retry_after, 0U);
    EXPECT_EQ(hasher_->verified(), before + 1);
    ASSERT_EQ(log_.lines.size(), logged + 1);
    EXPECT_NE(log_.lines.back().find(std::string("reason=") + c.reason), std::string::npos)
        << log_.lines.back();
  }
  EXPECT_EQ(recorder_.waiting(), 0U);
}

TEST_F(LoginServiceTest, TheDummyHashOpensNothing) {
  const std::string dummy = hasher_->dummy().substr(std::string("plain:").size());
  EXPECT_EQ(outcome("nobody@example.org", dummy), Outcome::refused);
  EXPECT_EQ(outcome("none@example.org", dummy), Outcome::refused);
}

TEST_F(LoginServiceTest, APollingClientIsHashedOncePerTimeToLive) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
    clock_.advance(seconds{10});
  }
  EXPECT_EQ(hasher_->verified(), 1);
  clock_.advance(seconds{100});
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  EXPECT_EQ(hasher_->verified(), 2);
  EXPECT_EQ(metrics_.counter("auth.login.granted").value(), 51U);
  EXPECT_EQ(metrics_.counter("auth.login.cached").value(), 49U);
}

TEST_F(LoginServiceTest, AChangedPasswordCountsAtOnce) {
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  put("ann@example.org", "plain:changed");
  EXPECT_EQ(outcome("ann", "secret"), Outcome::refused);
  EXPECT_EQ(outcome("ann", "changed"), Outcome::granted);
}

TEST_F(LoginServiceTest, WhatIsSwitchedOffOrDeletedCountsAtOnceInSpiteOfTheCache) {
  EXPECT_EQ(outcome("ann@example.org", "secret"), Outcome::granted);
  directory_.accounts["ann@example.org"].allowed = false;
  EXPECT_EQ(outcome("ann@example.org", "secret"), Outcome::refused);
  directory_.accounts["ann@example.org"].allowed = true;
  EXPECT_TRUE(credentials_.set_state("ann@example.org", CredentialState::locked));
  EXPECT_EQ(outcome("ann@example.org", "secret"), Outcome::refused);
  EXPECT_TRUE(credentials_.remove("ann@example.org"));
  EXPECT_EQ(outcome("ann@example.org", "secret"), Outcome::refused);
  directory_.accounts.clear();
  EXPECT_EQ(outcome("ann@example.org", "secret"), Outcome::refused);
}

// SASL lets a client ask to act as somebody else: here nobody may, and that looks like a wrong
// password and costs the same.
TEST_F(LoginServiceTest, NobodyActsAsSomebodyElse) {
  const auto acting = [&](const char* authorization) {
    return run_task(io_, service_.login("toast-pop3d.1", request("ann", "secret", "192.0.2.1"),
                                        authorization))
        ->outcome;
  };
  EXPECT_EQ(acting(""), Outcome::granted);
  EXPECT_EQ(acting("ann"), Outcome::granted);              // as typed
  EXPECT_EQ(acting("ann@example.org"), Outcome::granted);  // as it is called
  const int before = hasher_->verified();
  EXPECT_EQ(acting("off@example.org"), Outcome::refused);
  EXPECT_EQ(hasher_->verified(), before + 1);
  EXPECT_EQ(log_.count("reason=other_authorization"), 1U);
}

class AppPasswordLogin : public LoginServiceTest {
 protected:
  std::string add(const std::string& account, const std::string& services = "") {
    const auto made =
        add_app_password(credentials_, random_, account, {"phone", services}, clock_.wall());
    EXPECT_TRUE(made && *made);
    return std::string((*made)->view());
  }
};

TEST_F(AppPasswordLogin, CostsNoVerification) {
  const std::string phone = add("ann@example.org");
  const Login::Reply reply = login("ann", phone).value();
  EXPECT_EQ(reply.outcome, Outcome::granted);
  EXPECT_EQ(reply.mailbox, "ann@example.org");
  EXPECT_EQ(hasher_->verified(), 0);
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);  // the account's own works beside it
  run_task(io_, recorder_.flush());
  EXPECT_EQ(credentials_.app_passwords("ann@example.org")->front().used, clock_.wall());
}

TEST_F(AppPasswordLogin, AWrongOneCostsWhatEveryWrongPasswordDoes) {
  const std::string phone = add("ann@example.org");
  const std::string bobs(make_app_password(random_).view());
  for (const auto& [name, password] : std::vector<std::pair<const char*, std::string>>{
           {"ann", bobs}, {"nobody@example.org", phone}, {"off@example.org", phone}}) {
    const int before = hasher_->verified();
    EXPECT_EQ(outcome(name, password), Outcome::refused) << name;
    EXPECT_EQ(hasher_->verified(), before + 1) << name;
  }
  ASSERT_TRUE(*credentials_.remove_app_password("ann@example.org", "phone"));
  EXPECT_EQ(outcome("ann", phone), Outcome::refused);
}

TEST_F(AppPasswordLogin, IsForItsServices) {
  const std::string sending = add("ann@example.org", "smtp");
  const int before = hasher_->verified();
  EXPECT_EQ(outcome("ann", sending), Outcome::refused);
  EXPECT_EQ(hasher_->verified(), before + 1);
  EXPECT_EQ(log_.count("reason=app_password_service"), 1U);
  Login smtp = request("ann", sending, "192.0.2.1");
  smtp.service = Service::smtp;
  EXPECT_EQ(run_task(io_, service_.login("toast-smtpd.1", std::move(smtp)))->outcome,
            Outcome::granted);
}

TEST_F(AppPasswordLogin, OfALockedOrSwitchedOffAccountIsRefused) {
  const std::string off = add("off@example.org");
  EXPECT_EQ(outcome("off@example.org", off), Outcome::refused);
  const std::string phone = add("ann@example.org");
  ASSERT_TRUE(credentials_.set_state("ann@example.org", CredentialState::locked));
  EXPECT_EQ(outcome("ann", phone), Outcome::refused);
  EXPECT_EQ(outcome("ann", "secret"), Outcome::refused);
  ASSERT_TRUE(credentials_.set_state("ann@example.org", CredentialState::active));
  EXPECT_EQ(outcome("ann", phone), Outcome::granted);
}

// An account may have app passwords alone.
TEST_F(AppPasswordLogin, NeedsNoPasswordBesideIt) {
  const std::string phone = add("none@example.org");
  EXPECT_EQ(outcome("none@example.org", phone), Outcome::granted);
  EXPECT_EQ(outcome("none@example.org", "guess"), Outcome::refused);
}

TEST_F(AppPasswordLogin, IsThrottledLikeAnyOther) {
  const std::string phone = add("ann@example.org");
  for (int i = 0; i < 10; ++i)
    outcome("ann", std::string(make_app_password(random_).view()), "198.51.100.1");
  EXPECT_EQ(outcome("ann", phone, "198.51.100.2"), Outcome::throttled);
  EXPECT_EQ(log_.count(phone), 0U);
}

// By the operator's word: nothing is asked and no password looked at, for no account, by no way.
TEST_F(LoginServiceTest, ABannedAddressIsTurnedAwayUnread) {
  const Ban ban{
      Network::parse("192.0.2.0/24").value(), clock_.wall(), clock_.wall() + hours{1}, {}};
  ASSERT_TRUE(watch_.bans.add(ban, clock_.wall()));
  const Login::Reply reply = login("ann", "secret", "192.0.2.7").value();
  EXPECT_EQ(reply.outcome, Outcome::throttled);
  EXPECT_EQ(reply.retry_after, 3600U);
  EXPECT_TRUE(directory_.asked.empty());
  EXPECT_EQ(hasher_->verified(), 0);
  const Result<Login::Reply> proved = run_task(
      io_,
      service_.login_by_proof("toast-pop3d.1", request("ann", "", "192.0.2.7"), "", {true, ""}));
  EXPECT_EQ(proved->outcome, Outcome::throttled);
  EXPECT_EQ(outcome("ann", "secret", "198.51.100.7"), Outcome::granted);
  EXPECT_EQ(metrics_.counter("auth.login.banned").value(), 2U);
  EXPECT_EQ(metrics_.counter("auth.login.throttled").value(), 0U);
  clock_.advance(hours{1});
  EXPECT_EQ(outcome("ann", "secret", "192.0.2.7"), Outcome::granted);
}

TEST_F(LoginServiceTest, EveryLoginIsRemembered) {
  watch_.vchkpw.use(true, "example.org");
  outcome("ann", "secret", "192.0.2.7");
  outcome("ann", "guess", "198.51.100.7");
  outcome("nobody@example.org", "guess", "198.51.100.7");
  const std::vector<LoginEvent> events = watch_.history.find({}, 0, 10);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0].account, "");
  EXPECT_EQ(events[0].reason, "unknown_account");
  EXPECT_EQ(events[1].account, "ann@example.org");
  EXPECT_EQ(events[1].login, "ann");
  EXPECT_EQ(events[1].reason, "wrong_password");
  EXPECT_EQ(events[2].result, LoginResult::granted);
  EXPECT_EQ(vchkpw_lines_,
            (std::vector<std::string>{
                "vchkpw-pop3: (PLAIN) login success ann@example.org:192.0.2.7",
                "vchkpw-pop3: password fail ann@example.org:198.51.100.7",
                "vchkpw-pop3: vpopmail user not found nobody@example.org:198.51.100.7"}));
}

// What the operator lifts is gone at once, for the account and for the address.
TEST_F(LoginServiceTest, AThrottleCanBeLifted) {
  for (int i = 0; i < 12; ++i) outcome("ann", "guess", "198.51.100.1");
  EXPECT_EQ(outcome("ann", "secret", "198.51.100.2"), Outcome::throttled);
  ASSERT_EQ(watch_.hindered_now().size(), 1U);
  EXPECT_EQ(watch_.hindered_now()[0].who, "ann@example.org");
  throttle_.forgive_account("ann@example.org");
  EXPECT_EQ(outcome("ann", "secret", "198.51.100.2"), Outcome::granted);
  for (int i = 0; i < 30; ++i) outcome("name" + std::to_string(i), "guess", "198.51.100.3");
  EXPECT_EQ(outcome("ann", "secret", "198.51.100.3"), Outcome::throttled);
  throttle_.forgive_address(IpAddress::parse("198.51.100.3").value());
  EXPECT_EQ(outcome("ann", "secret", "198.51.100.3"), Outcome::granted);
}

// The cached path must not wait behind an attack on the uncached one.
TEST_F(LoginServiceTest, CachedLoginsDoNotWaitForThePool) {
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  hasher_->close_gate();
  std::vector<Started<Result<Login::Reply>>> attack;
  for (int i = 0; i < 10; ++i) {
    const std::string peer = "198.51.100." + std::to_string(i);
    attack.emplace_back(
        io_, service_.login("toast-pop3d.1", request("u" + std::to_string(i), "x", peer)));
  }
  run_ready(io_);
  Started<Result<Login::Reply>> polling(
      io_, service_.login("toast-pop3d.1", request("ann", "secret", "192.0.2.1")));
  run_ready(io_);
  ASSERT_TRUE(polling.ready());
  EXPECT_EQ(polling.value()->outcome, Outcome::granted);
  // Beyond one running and four waiting: told to try again, at once.
  EXPECT_EQ(std::count_if(attack.begin(), attack.end(), [](auto& one) { return one.ready(); }), 5);
  for (auto& one : attack) {
    if (!one.ready()) continue;
    ASSERT_FALSE(one.value());
    EXPECT_EQ(one.value().error().failure, Failure::transient);
  }
  EXPECT_EQ(service_.in_hand(), 5U);
  hasher_->open_gate();
  io_.restart();
  io_.run();
  EXPECT_EQ(service_.in_hand(), 0U);
}

// An outage is an error that says "later", never a refusal, and costs nobody a place in the
// throttle.
TEST_F(LoginServiceTest, AnOutageIsNeverABadPassword) {
  const auto expect_later = [&](const char* name) {
    const Result<Login::Reply> reply = login(name, "secret");
    ASSERT_FALSE(reply) << name;
    EXPECT_EQ(reply.error().failure, Failure::transient);
    EXPECT_TRUE(reply.error().reply.starts_with("4."));
  };
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  directory_.down = true;
  expect_later("ann");
  expect_later("nobody@example.org");
  directory_.down = false;
  credentials_.fail_with(Error{Failure::transient, "", "database is locked"});
  for (int i = 0; i < 100; ++i) expect_later("ann");
  expect_later("nobody@example.org");
  credentials_.fail_with(Error{Failure::permanent, "", "some defect"});
  expect_later("ann");
  credentials_.fail_with(std::nullopt);
  put("ann@example.org", "broken");
  expect_later("ann");
  put("ann@example.org", "plain:secret");
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  EXPECT_EQ(log_.count(" error auth.login.unavailable"), 1U);  // once for the whole outage
}

TEST_F(LoginServiceTest, AHashOfAnUnknownSchemeIsReportedOnceAndAnsweredLater) {
  for (int i = 0; i < 5; ++i) {
    const Result<Login::Reply> reply = login("legacy@example.org", "secret");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().failure, Failure::transient);
  }
  EXPECT_EQ(log_.count("auth.hash.unusable account=legacy@example.org"), 1U);
  EXPECT_EQ(log_.count(" error auth.login.unavailable"), 0U);
}

TEST_F(LoginServiceTest, AFrontEndThatNamesNoClientGetsNoAnswer) {
  for (const char* peer : {"", "localhost", "192.0.2.1:110"}) {
    const Result<Login::Reply> reply = login("ann", "secret", peer);
    ASSERT_FALSE(reply) << peer;
    EXPECT_EQ(reply.error().failure, Failure::transient);
  }
  EXPECT_TRUE(directory_.asked.empty());
}

TEST_F(LoginServiceTest, GuessingIsThrottledForNamesThatDoNotExistAsForOthers) {
  for (const char* name : {"ann@example.org", "nobody@example.org"}) {
    SCOPED_TRACE(name);
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(outcome(name, "guess" + std::to_string(i), "198.51.100." + std::to_string(i)),
                Outcome::refused);
    const int before = hasher_->verified();
    const Login::Reply reply = login(name, "secret", "198.51.100.99").value();
    EXPECT_EQ(reply.outcome, Outcome::throttled);
    EXPECT_EQ(reply.retry_after, 1U);
    EXPECT_EQ(hasher_->verified(), before);
    EXPECT_EQ(log_.count(std::string("auth.throttle.began account=") + (name[0] == 'n' ? "?" : "") +
                         name),
              1U);
  }
}

TEST_F(LoginServiceTest, OneAccountUnderManyNamesIsOneAccount) {
  const char* names[] = {"ann@example.org", "ann", "ann@alias.example"};
  for (int i = 0; i < 10; ++i)
    outcome(names[i % 3], "guess" + std::to_string(i), "198.51.100." + std::to_string(i));
  for (const char* name : names)
    EXPECT_EQ(outcome(name, "secret", "198.51.100.99"), Outcome::throttled) << name;
  // An invented name in other letters is one name, too, and touches nobody's account.
  for (int i = 0; i < 10; ++i)
    outcome(i % 2 == 0 ? "NObody" : "nobody", "x", "203.0.113." + std::to_string(i));
  EXPECT_EQ(outcome("nobODY", "x", "203.0.113.99"), Outcome::throttled);
}

TEST_F(LoginServiceTest, TheOwnerGetsInDuringADistributedGuess) {
  EXPECT_EQ(outcome("ann", "secret", "192.0.2.1"), Outcome::granted);
  for (int i = 0; i < 40; ++i) outcome("ann", "guess", "198.51.100." + std::to_string(i));
  EXPECT_EQ(outcome("ann", "secret", "198.51.100.77"), Outcome::throttled);
  EXPECT_EQ(outcome("ann", "secret", "192.0.2.1"), Outcome::granted);
}

TEST_F(LoginServiceTest, TheOwnerGetsInDuringADistributedGuessAfterARestart) {
  const LastLogin last{"ann@example.org", Service::pop3, clock_.wall() - hours{24}, "192.0.2.1"};
  const LastLogin old{"ann@example.org", Service::smtp, clock_.wall() - kKnownFor * 2, "192.0.2.2"};
  const LastLogin both[] = {last, old};
  ASSERT_TRUE(credentials_.record_logins(both));
  for (int i = 0; i < 10; ++i) outcome("ann", "guess", "198.51.100." + std::to_string(i));
  EXPECT_EQ(outcome("ann", "secret", "192.0.2.2"), Outcome::throttled);  // too long ago
  EXPECT_EQ(outcome("ann", "secret", "192.0.2.1"), Outcome::granted);
}

TEST_F(LoginServiceTest, AWeakHashIsRenewedAfterAGoodLoginOnly) {
  put("ann@example.org", "old:secret");
  EXPECT_EQ(outcome("ann", "guess"), Outcome::refused);
  EXPECT_EQ(hasher_->hashed(), 0);
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  io_.restart();
  io_.run();  // the renewal goes on after the answer
  EXPECT_EQ(credentials_.find("ann@example.org").value()->hash, "plain:secret");
  const int before = hasher_->verified();
  EXPECT_EQ(outcome("ann", "secret"), Outcome::granted);
  EXPECT_EQ(hasher_->verified(), before);  // the new hash is in the cache
}

TEST_F(LoginServiceTest, TheLastLoginIsRecordedForTheMailbox) {
  EXPECT_EQ(outcome("ann", "secret", "2001:db8::7"), Outcome::granted);
  EXPECT_EQ(outcome("ann", "guess", "2001:db8::8"), Outcome::refused);
  run_task(io_, recorder_.flush());
  EXPECT_EQ(
      *credentials_.last_logins("ann@example.org"),
      (std::vector<LastLogin>{{"ann@example.org", Service::pop3, clock_.wall(), "2001:db8::7"}}));
}

TEST_F(LoginServiceTest, AnAccountTooLargeForATicketIsAnOutageNotARefusal) {
  directory_.accounts["ann"].maildir.assign(kMaxMaildirPath + 1, 'm');
  const Result<Login::Reply> reply = login("ann", "secret");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, Failure::transient);
}

TEST_F(LoginServiceTest, NoPasswordIsEverLogged) {
  put("ann@example.org", "old:secret-7281");
  outcome("ann", "secret-7281");
  outcome("ann", "guess-7281");
  outcome("nobody", "guess-7281");
  credentials_.fail_with(Error{Failure::transient, "", "locked"});
  (void)login("ann", "secret-7281");
  io_.restart();
  io_.run();
  ASSERT_FALSE(log_.lines.empty());
  EXPECT_EQ(log_.count("7281"), 0U);
}

}  // namespace
}  // namespace toast::auth
