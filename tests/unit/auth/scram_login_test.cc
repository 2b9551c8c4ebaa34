// SCRAM through LoginService: who gets in, what a stranger may learn, how verifiers come to be.
#include "auth/sasl_exchanges.h"
#include "auth/set_password.h"
#include "tests/unit/auth/login_fixture.h"
#include "tests/unit/auth/scram_client.h"

namespace toast::auth {
namespace {

using Answer = SaslReply::Outcome;

class ScramLogin : public LoginFixture {
 protected:
  SaslExchanges exchanges_{{service_, clock_, random_, log_}, "toast-pop3d.1", Service::pop3};

  void SetUp() override {
    LoginFixture::SetUp();
    service_.use_scram(MechanismUse::offer, "example.org");
    learn("ann@example.org", "secret");
  }
  void learn(const std::string& account, const std::string& password) {
    ASSERT_TRUE(
        set_password(credentials_, *hasher_, account, Secret(password), clock_.wall(), &random_));
  }
  Result<SaslReply> begin(const ScramClient& client, const char* mechanism = "SCRAM-SHA-256",
                          const std::string& binding = "") {
    SaslStart start;
    start.mechanism = mechanism;
    start.has_initial = true;
    start.initial = Secret(client.first());
    start.channel_binding = binding;
    start.peer = "192.0.2.1";
    start.connection = "c0ffee";
    return run_task(io_, exchanges_.start(std::move(start)));
  }
  Result<SaslReply> step(std::uint64_t exchange, const std::string& message) {
    return run_task(io_, exchanges_.step({exchange, Secret(message)}));
  }
  // The whole conversation of a client that believes nothing unproved.
  Result<SaslReply> log_in(ScramClient client) {
    Result<SaslReply> first = begin(client);
    if (!first || first->outcome != Answer::challenge) return first;
    Result<SaslReply> second = step(first->exchange, client.final(first->challenge));
    if (!second || second->outcome != Answer::challenge) return second;
    EXPECT_EQ(second->challenge, client.expected_server_final());
    return step(second->exchange, "");
  }
  std::string salt_of(const std::string& name) {
    const Result<SaslReply> first = begin({.name = name});
    EXPECT_TRUE(first && first->outcome == Answer::challenge);
    return ScramClient::field(first->challenge, "s") + " " +
           ScramClient::field(first->challenge, "i");
  }
};

TEST_F(ScramLogin, AGoodPasswordBuysATicketWithoutAHash) {
  for (const char* name : {"ann@example.org", "ann", "ann@alias.example"}) {
    const Result<SaslReply> reply = log_in({.name = name});
    ASSERT_TRUE(reply) << reply.error().detail;
    ASSERT_EQ(reply->outcome, Answer::granted) << name;
    EXPECT_EQ(reply->mailbox, "ann@example.org");
    EXPECT_TRUE(verifier_.redeem(reply->ticket, Service::pop3, {"toast-pop3d.1", "c0ffee"}));
  }
  EXPECT_EQ(hasher_->verified(), 0);
  EXPECT_EQ(exchanges_.waiting(), 0U);
}

TEST_F(ScramLogin, EveryRefusalComesAtTheSamePlaceInTheSameWords) {
  learn("off@example.org", "secret");
  learn("locked@example.org", "secret");
  ASSERT_TRUE(credentials_.set_state("locked@example.org", CredentialState::locked));
  put("legacy@example.org", "plain:secret");  // nothing of SCRAM beside it
  const struct {
    ScramClient client;
    const char* reason;
  } kCases[] = {
      {{.name = "ann", .password = "guess"}, "wrong_password"},
      {{.name = "nobody@example.org"}, "unknown_account"},
      {{.name = "none@example.org"}, "no_password"},
      {{.name = "off@example.org"}, "service_off"},
      {{.name = "locked@example.org"}, "locked"},
      {{.name = "legacy@example.org"}, "no_scram"},
      {{.name = "ann", .gs2_header = "n,a=off@example.org,"}, "other_authorization"},
  };
  for (const auto& c : kCases) {
    ScramClient client = c.client;
    const Result<SaslReply> first = begin(client);
    ASSERT_TRUE(first && first->outcome == Answer::challenge) << c.reason;
    const Result<SaslReply> second = step(first->exchange, client.final(first->challenge));
    ASSERT_TRUE(second) << c.reason;
    EXPECT_EQ(second->outcome, Answer::refused) << c.reason;
    EXPECT_TRUE(second->challenge.empty() && second->ticket.empty());
    EXPECT_EQ(log_.count(std::string("reason=") + c.reason), 1U) << c.reason;
  }
}

TEST_F(ScramLogin, ANameThatDoesNotExistHasASaltLikeAnyOther) {
  const std::string invented = salt_of("nobody@example.org");
  EXPECT_EQ(salt_of("nobody@example.org"), invented);
  EXPECT_EQ(salt_of("NObody@Example.ORG"), invented);
  EXPECT_EQ(salt_of("nobody"), invented);  // in the default domain, as ann is
  EXPECT_EQ(salt_of("ann"), salt_of("ann@example.org"));
  EXPECT_NE(salt_of("noone"), invented);
  // By another address a bare name may have another domain: the directory says which.
  directory_.accounts["nobody"].name = "nobody@example.net";
  EXPECT_EQ(salt_of("nobody"), salt_of("nobody@example.net"));
  EXPECT_NE(salt_of("nobody"), invented);
  EXPECT_EQ(invented.size(), salt_of("ann").size());
  // Another authd on the same store invents the same.
  LoginService another{{directory_, reader_, writer_, recorder_, hashes_, cache_, throttle_,
                        tickets_, tickets_, clock_, random_, log_, metrics_}};
  another.use_scram(MechanismUse::offer, "example.org");
  const auto account = run_task(io_, another.scram_account(Service::pop3, "nobody@example.org"));
  EXPECT_TRUE(invented.starts_with(base64_encode(account->verifier.salt) + " "));
}

TEST_F(ScramLogin, GuessingIsThrottledAtTheProof) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(log_in({.password = "guess"})->outcome, Answer::refused);
  EXPECT_EQ(log_in({})->outcome, Answer::throttled);
}

TEST_F(ScramLogin, AnOutageIsAnError) {
  directory_.down = true;
  EXPECT_EQ(log_in({}).error().failure, Failure::transient);
  directory_.down = false;
  credentials_.fail_with(Error{Failure::transient, "", "locked"});
  EXPECT_EQ(log_in({}).error().failure, Failure::transient);
  credentials_.fail_with(std::nullopt);
  EXPECT_EQ(log_in({})->outcome, Answer::granted);
}

TEST_F(ScramLogin, APasswordChangedMeanwhileIsAnotherOne) {
  ScramClient client;
  const SaslReply first = begin(client).value();
  learn("ann@example.org", "secret");  // even the same one, set anew
  EXPECT_EQ(step(first.exchange, client.final(first.challenge))->outcome, Answer::refused);
}

TEST_F(ScramLogin, TheLastMessageIsEmpty) {
  ScramClient client;
  const SaslReply first = begin(client).value();
  const SaslReply second = step(first.exchange, client.final(first.challenge)).value();
  EXPECT_EQ(step(second.exchange, "more")->outcome, Answer::malformed);
  EXPECT_FALSE(step(second.exchange, ""));
}

TEST_F(ScramLogin, IsOfferedWhereTheSettingSaysSo) {
  EXPECT_EQ(begin({}, "SCRAM-SHA-256-PLUS")->outcome, Answer::unsupported);  // no binding
  const ScramClient bound{.gs2_header = "p=tls-exporter,,", .binding = "b"};
  EXPECT_EQ(begin(bound, "scram-sha-256-plus", "b")->outcome, Answer::challenge);
  EXPECT_EQ(begin({.gs2_header = "y,,"}, "SCRAM-SHA-256", "b")->outcome, Answer::refused);
  for (const MechanismUse use : {MechanismUse::none, MechanismUse::learn}) {
    service_.use_scram(use, "example.org");
    EXPECT_EQ(begin({})->outcome, Answer::unsupported);
  }
}

// After a good login by another way, and never before one.
TEST_F(ScramLogin, IsLearntFromAGoodPassword) {
  put("ann@example.org", "plain:secret");
  const auto kept = [&] { return !credentials_.find("ann@example.org").value()->scram.empty(); };
  const auto log_in_by_pass = [&](const char* password) {
    outcome("ann", password);
    io_.restart();
    io_.run();
  };
  service_.use_scram(MechanismUse::none, "example.org");
  log_in_by_pass("secret");
  EXPECT_FALSE(kept());
  service_.use_scram(MechanismUse::learn, "example.org");
  log_in_by_pass("guess");
  EXPECT_FALSE(kept());
  log_in_by_pass("secret");  // from the cache
  EXPECT_TRUE(kept());
  EXPECT_EQ(log_.count("auth.scram.learnt account=ann@example.org"), 1U);
  log_in_by_pass("secret");
  EXPECT_EQ(log_.count("auth.scram.learnt"), 1U);
  service_.use_scram(MechanismUse::offer, "example.org");
  EXPECT_EQ(log_in({})->outcome, Answer::granted);
  // A hash that is replaced takes its verifier with it, and gets another one at once.
  put("ann@example.org", "old:secret");
  log_in_by_pass("secret");
  EXPECT_EQ(credentials_.find("ann@example.org").value()->hash, "plain:secret");
  EXPECT_EQ(log_in({})->outcome, Answer::granted);
}

// SASLprep: one password, however the keyboard spells it. Older hashes are of what was typed.
TEST_F(ScramLogin, SpellingsOfAPasswordAreOne) {
  const std::string composed = "m\xc3\xbcller";
  const std::string decomposed = "mu\xcc\x88ller";
  learn("ann@example.org", decomposed);
  EXPECT_EQ(outcome("ann", composed), Outcome::granted);
  EXPECT_EQ(outcome("ann", decomposed), Outcome::granted);
  EXPECT_EQ(log_in({.password = composed})->outcome, Answer::granted);
  put("ann@example.org", "plain:" + decomposed);  // by another system
  EXPECT_EQ(outcome("ann", decomposed), Outcome::granted);
  EXPECT_EQ(outcome("ann", composed), Outcome::refused);
  const int before = hasher_->verified();
  EXPECT_EQ(outcome("ann", decomposed), Outcome::granted);
  EXPECT_EQ(hasher_->verified(), before);  // known, too
}

}  // namespace
}  // namespace toast::auth
