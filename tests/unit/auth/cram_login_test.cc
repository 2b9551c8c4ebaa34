// CRAM-MD5 and APOP through LoginService: who gets in, what a stranger may learn, how passwords
// come to be kept.
#include "auth/sasl_exchanges.h"
#include "tests/unit/auth/login_fixture.h"

namespace toast::auth {
namespace {

using Answer = SaslReply::Outcome;
using By = Md5Proof::By;

class CramLogin : public LoginFixture {
 protected:
  SaslExchanges exchanges_{{service_, clock_, random_, log_}, "toast-pop3d.1", Service::pop3};
  Md5 md5_;
  const std::shared_ptr<const ReversibleMeans> means_ = make_means('k');

  std::shared_ptr<const ReversibleMeans> make_means(char key) {
    return std::make_shared<const ReversibleMeans>(
        PasswordSealer(Secret(std::string(kSealingKeyBytes, key)), random_));
  }
  void SetUp() override {
    LoginFixture::SetUp();
    service_.use_scram(MechanismUse::none, "example.org");
    service_.use_reversible(MechanismUse::offer, means_);
    keep("ann@example.org");
  }
  void keep(const std::string& account, const std::string& password = "secret") {
    ASSERT_TRUE(credentials_.set_reversible(account, true).value());
    const std::string hash = credentials_.find(account).value()->hash;
    ASSERT_TRUE(credentials_
                    .put_sealed(account, hash,
                                means_->sealer.seal(account, hash, Secret(password), random_))
                    .value());
  }
  bool kept(const std::string& account = "ann@example.org") {
    return !credentials_.find(account).value()->sealed.empty();
  }
  void log_in_by_pass(const std::string& password, const std::string& name = "ann") {
    outcome(name, password);
    io_.restart();
    io_.run();
  }
  Result<SaslReply> begin() {
    SaslStart start;
    start.mechanism = "CRAM-MD5";
    start.peer = "192.0.2.1";
    start.connection = "c0ffee";
    return run_task(io_, exchanges_.start(std::move(start)));
  }
  Result<SaslReply> by_cram(const std::string& name, const std::string& password) {
    Result<SaslReply> first = begin();
    if (!first || first->outcome != Answer::challenge) return first;
    const std::string digest =
        md5_.digest_of(By::cram_md5, first->challenge, Secret(password)).value();
    return run_task(io_, exchanges_.step({first->exchange, Secret(name + " " + digest)}));
  }
  Result<Login::Reply> by_apop(const std::string& name, const std::string& password,
                               const std::string& stamp = "<1@mx>") {
    Md5Proof proof{By::apop, stamp, md5_.digest_of(By::apop, "<1@mx>", Secret(password)).value()};
    return run_task(io_, service_.login_by_digest("toast-pop3d.1", request(name, "", "192.0.2.1"),
                                                  std::move(proof)));
  }
};

TEST_F(CramLogin, AGoodPasswordBuysATicketWithoutAHash) {
  for (const char* name : {"ann@example.org", "ann", "ann@alias.example"}) {
    const Result<SaslReply> reply = by_cram(name, "secret");
    ASSERT_TRUE(reply) << reply.error().detail;
    ASSERT_EQ(reply->outcome, Answer::granted) << name;
    EXPECT_EQ(reply->mailbox, "ann@example.org");
    EXPECT_TRUE(verifier_.redeem(reply->ticket, Service::pop3, {"toast-pop3d.1", "c0ffee"}));
    const Result<Login::Reply> apop = by_apop(name, "secret");
    ASSERT_TRUE(apop);
    ASSERT_EQ(apop->outcome, Outcome::granted) << name;
    EXPECT_TRUE(verifier_.redeem(apop->ticket, Service::pop3, {"toast-pop3d.1", "c0ffee"}));
  }
  EXPECT_EQ(hasher_->verified(), 0);
  EXPECT_EQ(exchanges_.waiting(), 0U);
}

// And costs what a wrong password does.
TEST_F(CramLogin, EveryRefusalIsInTheSameWords) {
  for (const char* account : {"off@example.org", "locked@example.org"}) keep(account);
  put("plain@example.org", "plain:secret");
  directory_.add("plain@example.org", "plain@example.org");
  const struct {
    const char* name;
    const char* password;
    const char* reason;
  } kCases[] = {
      {"ann", "guess", "wrong_password"},
      {"nobody@example.org", "secret", "unknown_account"},
      {"none@example.org", "secret", "no_password"},
      {"off@example.org", "secret", "service_off"},
      {"locked@example.org", "secret", "locked"},
      {"plain@example.org", "secret", "not_reversible"},
  };
  for (const auto& c : kCases) {
    const int before = hasher_->verified();
    const Result<SaslReply> reply = by_cram(c.name, c.password);
    ASSERT_TRUE(reply) << c.reason;
    EXPECT_EQ(reply->outcome, Answer::refused) << c.reason;
    EXPECT_TRUE(reply->ticket.empty() && reply->mailbox.empty() && reply->challenge.empty());
    EXPECT_EQ(by_apop(c.name, c.password)->outcome, Outcome::refused) << c.reason;
    EXPECT_EQ(log_.count(std::string("reason=") + c.reason), 2U) << c.reason;
    EXPECT_EQ(hasher_->verified(), before + 2) << c.reason;
  }
  EXPECT_EQ(by_apop("ann", "secret", "<2@mx>")->outcome, Outcome::refused);  // another greeting's
}

// As often as by any other way, whether there is something to guess or not.
TEST_F(CramLogin, GuessingIsThrottled) {
  directory_.add("bob@example.org", "bob@example.org");
  for (const char* name : {"ann", "bob@example.org", "nobody@example.org"}) {
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(by_cram(name, "guess")->outcome, Answer::refused) << name << i;
      EXPECT_EQ(by_apop(name, "guess")->outcome, Outcome::refused) << name << i;
    }
    EXPECT_EQ(by_cram(name, "secret")->outcome, Answer::throttled) << name;
    EXPECT_EQ(by_apop(name, "secret")->outcome, Outcome::throttled) << name;
    throttle_.forgive_address(IpAddress::parse("192.0.2.1").value());
  }
  EXPECT_EQ(outcome("ann", "secret"), Outcome::throttled);  // they are the same counters
}

TEST_F(CramLogin, AnOutageIsAnError) {
  directory_.down = true;
  EXPECT_EQ(by_cram("ann", "secret").error().failure, Failure::transient);
  EXPECT_EQ(by_apop("ann", "secret").error().failure, Failure::transient);
  directory_.down = false;
  credentials_.fail_with(Error{Failure::transient, "", "locked"});
  EXPECT_EQ(by_cram("ann", "secret").error().failure, Failure::transient);
  EXPECT_EQ(by_apop("ann", "secret").error().failure, Failure::transient);
  credentials_.fail_with(std::nullopt);
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::granted);
}

TEST_F(CramLogin, IsOfferedWhereTheSettingSaysSo) {
  const SaslReply waiting = begin().value();
  for (const MechanismUse use : {MechanismUse::none, MechanismUse::learn}) {
    service_.use_reversible(use, use == MechanismUse::none ? nullptr : means_);
    EXPECT_EQ(begin()->outcome, Answer::unsupported);
    EXPECT_EQ(by_apop("ann", "secret").error().failure, Failure::transient);
  }
  const std::string digest =
      md5_.digest_of(By::cram_md5, waiting.challenge, Secret("secret")).value();
  const Result<SaslReply> late =
      run_task(io_, exchanges_.step({waiting.exchange, Secret("ann " + digest)}));
  EXPECT_EQ(late.has_value(), false);
}

TEST_F(CramLogin, EachChallengeComesOnce) {
  const SaslReply first = begin().value();
  EXPECT_TRUE(first.challenge.starts_with("<") && first.challenge.ends_with("@example.org>"));
  EXPECT_NE(begin()->challenge, first.challenge);
}

// Only where the switch is on, only by a good login in clear text by the account's own password.
TEST_F(CramLogin, IsLearntFromAGoodLogin) {
  put("ann@example.org", "plain:secret");  // a new password drops what was kept
  EXPECT_FALSE(kept());
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::refused);
  ASSERT_TRUE(credentials_.set_reversible("ann@example.org", false).value());
  log_in_by_pass("secret");
  EXPECT_FALSE(kept());
  ASSERT_TRUE(credentials_.set_reversible("ann@example.org", true).value());
  log_in_by_pass("guess");
  EXPECT_FALSE(kept());
  service_.use_reversible(MechanismUse::none, nullptr);
  log_in_by_pass("secret");
  EXPECT_FALSE(kept());
  service_.use_reversible(MechanismUse::learn, means_);
  log_in_by_pass("secret");  // from the cache
  EXPECT_TRUE(kept());
  EXPECT_EQ(log_.count("auth.reversible.kept account=ann@example.org"), 1U);
  log_in_by_pass("secret");
  EXPECT_EQ(log_.count("auth.reversible.kept"), 1U);  // it is there
  service_.use_reversible(MechanismUse::offer, means_);
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::granted);
  // A hash that is replaced takes it along, and it is kept anew at once.
  put("ann@example.org", "old:secret");
  log_in_by_pass("secret");
  EXPECT_EQ(credentials_.find("ann@example.org").value()->hash, "plain:secret");
  EXPECT_EQ(by_apop("ann", "secret")->outcome, Outcome::granted);
  for (const std::string& line : log_.lines)
    EXPECT_EQ(line.find("secret"), std::string::npos) << line;
}

// A program of the release before changes the hash and leaves what is sealed.
TEST_F(CramLogin, CountsOnlyBesideItsHashAndItsAccount) {
  const Credential ann = credentials_.find("ann@example.org").value().value();
  put("ann@example.org", "plain:new");
  ASSERT_TRUE(credentials_.put_sealed("ann@example.org", "plain:new", ann.sealed).value());
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::refused);
  directory_.add("bob@example.org", "bob@example.org");
  put("bob@example.org", ann.hash);  // whoever writes the store gives bob ann's password
  ASSERT_TRUE(credentials_.set_reversible("bob@example.org", true).value());
  ASSERT_TRUE(credentials_.put_sealed("bob@example.org", ann.hash, ann.sealed).value());
  EXPECT_EQ(by_cram("bob@example.org", "secret")->outcome, Answer::refused);
}

TEST_F(CramLogin, AnotherKeyIsToldOnceAndMended) {
  const auto others = make_means('o');
  service_.use_reversible(MechanismUse::offer, others);
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::refused);
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::refused);
  EXPECT_EQ(log_.count("auth.reversible.other_key account=ann@example.org"), 1U);
  log_in_by_pass("secret");
  EXPECT_EQ(by_cram("ann", "secret")->outcome, Answer::granted);
}

// What is typed, not what SASLprep makes of it: these clients know nothing of that.
TEST_F(CramLogin, TheSpellingIsTheClients) {
  const std::string decomposed = "mu\xcc\x88ller";
  put("ann@example.org", "plain:m\xc3\xbcller");
  log_in_by_pass(decomposed);
  EXPECT_EQ(by_cram("ann", decomposed)->outcome, Answer::granted);
  EXPECT_EQ(by_cram("ann", "m\xc3\xbcller")->outcome, Answer::refused);
}

TEST_F(CramLogin, IsNamedInVchkpwsLines) {
  watch_.vchkpw.use(true, "example.org");
  by_cram("ann@example.org", "secret");
  by_apop("ann@example.org", "secret");
  ASSERT_EQ(vchkpw_lines_.size(), 2U);
  EXPECT_EQ(vchkpw_lines_[0], "vchkpw-pop3: (CRAM-MD5) login success ann@example.org:192.0.2.1");
  EXPECT_EQ(vchkpw_lines_[1], "vchkpw-pop3: (APOP) login success ann@example.org:192.0.2.1");
}

}  // namespace
}  // namespace toast::auth
