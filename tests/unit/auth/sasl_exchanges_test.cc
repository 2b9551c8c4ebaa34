// Exchanges of one front end: what waits, for how long, and who may go on with it.
#include "auth/sasl_exchanges.h"

#include "tests/unit/auth/login_fixture.h"

namespace toast::auth {
namespace {

using namespace std::string_literals;
using Answer = SaslReply::Outcome;

class SaslExchangesTest : public LoginFixture {
 protected:
  SaslExchanges exchanges_{{service_, clock_, random_, log_}, "toast-pop3d.1", Service::pop3};

  static SaslStart request(const char* mechanism, const std::string& connection = "c0ffee") {
    SaslStart start;
    start.mechanism = mechanism;
    start.peer = "192.0.2.1";
    start.connection = connection;
    return start;
  }
  Result<SaslReply> start(SaslStart request) {
    return run_task(io_, exchanges_.start(std::move(request)));
  }
  Result<SaslReply> plain(const std::string& message) {
    SaslStart start = request("PLAIN");
    start.has_initial = true;
    start.initial = Secret(message);
    return run_task(io_, exchanges_.start(std::move(start)));
  }
  Result<SaslReply> step(std::uint64_t exchange, const std::string& message) {
    return run_task(io_, exchanges_.step({exchange, Secret(message)}));
  }
};

TEST_F(SaslExchangesTest, PlainIsOneMessage) {
  const SaslReply reply = plain("\0ann\0secret"s).value();
  ASSERT_EQ(reply.outcome, Answer::granted);
  EXPECT_EQ(reply.mailbox, "ann@example.org");
  EXPECT_TRUE(verifier_.redeem(reply.ticket, Service::pop3, {"toast-pop3d.1", "c0ffee"}));
  EXPECT_EQ(exchanges_.waiting(), 0U);
}

// It may decide which domain a bare name gets.
TEST_F(SaslExchangesTest, TheDirectoryHearsWhereTheClientHasConnectedTo) {
  SaslStart request = SaslExchangesTest::request("LOGIN");
  request.local = "192.0.2.9";
  const SaslReply name = start(std::move(request)).value();
  const SaslReply password = step(name.exchange, "ann").value();
  EXPECT_EQ(step(password.exchange, "secret")->outcome, Answer::granted);
  EXPECT_EQ(directory_.locals.back(), "192.0.2.9");
}

TEST_F(SaslExchangesTest, LoginIsThreeMessages) {
  const SaslReply name = start(request("LOGIN")).value();
  ASSERT_EQ(name.outcome, Answer::challenge);
  EXPECT_EQ(name.challenge, "Username:");
  const SaslReply password = step(name.exchange, "ann").value();
  ASSERT_EQ(password.outcome, Answer::challenge);
  EXPECT_EQ(password.challenge, "Password:");
  EXPECT_EQ(exchanges_.waiting(), 1U);
  EXPECT_EQ(step(password.exchange, "secret")->outcome, Answer::granted);
  EXPECT_EQ(exchanges_.waiting(), 0U);
}

// The same answer whatever is wrong, as with USER and PASS.
TEST_F(SaslExchangesTest, RefusalsLookAlike) {
  for (const std::string& message :
       {"\0ann\0guess"s, "\0nobody\0secret"s, "\0off@example.org\0secret"s,
        "\0locked@example.org\0secret"s, "off@example.org\0ann\0secret"s}) {
    const Result<SaslReply> reply = plain(message);
    ASSERT_TRUE(reply) << reply.error().detail;
    EXPECT_EQ(reply->outcome, Answer::refused) << message;
    EXPECT_TRUE(reply->ticket.empty() && reply->mailbox.empty() && reply->challenge.empty());
  }
}

TEST_F(SaslExchangesTest, GuessingIsThrottled) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(plain("\0ann\0guess"s)->outcome, Answer::refused);
  const SaslReply reply = plain("\0ann\0secret"s).value();
  EXPECT_EQ(reply.outcome, Answer::throttled);
  EXPECT_EQ(reply.retry_after, 1U);
}

TEST_F(SaslExchangesTest, AnOutageIsAnErrorNotARefusal) {
  directory_.down = true;
  const Result<SaslReply> reply = plain("\0ann\0secret"s);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, Failure::transient);
}

TEST_F(SaslExchangesTest, WhatIsMalformedOrUnknownIsSaidSoAndNotCounted) {
  for (int i = 0; i < 100; ++i) EXPECT_EQ(plain("ann")->outcome, Answer::malformed);
  EXPECT_EQ(log_.count("auth.sasl.malformed"), 100U);
  for (const char* mechanism : {"", "CRAM-MD5", "PLAIN2"})
    EXPECT_EQ(start(request(mechanism))->outcome, Answer::unsupported) << mechanism;
  EXPECT_TRUE(directory_.asked.empty());
  EXPECT_EQ(plain("\0ann\0secret"s)->outcome, Answer::granted);
}

TEST_F(SaslExchangesTest, AFrontEndLogsInToItsOwnServiceOnly) {
  SaslStart foreign = request("PLAIN");
  foreign.service = Service::smtp;
  const Result<SaslReply> reply = start(std::move(foreign));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, Failure::permanent);
}

TEST_F(SaslExchangesTest, ANumberIsGoodForOneStep) {
  const SaslReply name = start(request("LOGIN")).value();
  const SaslReply password = step(name.exchange, "ann").value();
  EXPECT_NE(password.exchange, name.exchange);
  const Result<SaslReply> again = step(name.exchange, "ann");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().failure, Failure::transient);
  EXPECT_EQ(step(password.exchange, "secret")->outcome, Answer::granted);
  EXPECT_FALSE(step(password.exchange, "secret"));
  EXPECT_FALSE(step(0, "secret"));
}

TEST_F(SaslExchangesTest, AConnectionHasOneExchange) {
  const SaslReply first = start(request("LOGIN")).value();
  const SaslReply second = start(request("LOGIN")).value();
  EXPECT_EQ(exchanges_.waiting(), 1U);
  EXPECT_FALSE(step(first.exchange, "ann"));
  const SaslReply third = start(request("LOGIN", "another")).value();
  EXPECT_EQ(exchanges_.waiting(), 2U);
  exchanges_.cancel(second.exchange);
  exchanges_.cancel(second.exchange);
  EXPECT_FALSE(step(second.exchange, "ann"));
  EXPECT_EQ(step(third.exchange, "ann")->outcome, Answer::challenge);
}

TEST_F(SaslExchangesTest, PatienceWithASilentClientEnds) {
  const SaslReply slow = start(request("LOGIN", "slow")).value();
  clock_.advance(kSaslPatience - std::chrono::seconds{1});
  const SaslReply late = start(request("LOGIN", "late")).value();
  const SaslReply password = step(slow.exchange, "ann").value();  // in time: begins anew
  clock_.advance(kSaslPatience - std::chrono::seconds{1});
  exchanges_.sweep();
  EXPECT_EQ(exchanges_.waiting(), 2U);
  clock_.advance(std::chrono::seconds{1});
  exchanges_.sweep();
  EXPECT_EQ(exchanges_.waiting(), 0U);
  EXPECT_FALSE(step(late.exchange, "ann"));
  EXPECT_FALSE(step(password.exchange, "secret"));
}

TEST_F(SaslExchangesTest, AFullTableAsksForPatience) {
  for (std::size_t i = 0; i < kMaxSaslExchanges; ++i)
    ASSERT_TRUE(start(request("LOGIN", std::to_string(i))));
  const Result<SaslReply> one_more = start(request("LOGIN", "one more"));
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().failure, Failure::transient);
  EXPECT_EQ(plain("\0ann\0secret"s)->outcome, Answer::granted);  // needs no place
  EXPECT_TRUE(start(request("LOGIN", "7")));                     // its own place is free again
}

TEST_F(SaslExchangesTest, NoPasswordIsEverLogged) {
  (void)plain("\0ann\0guess-7281"s);
  (void)plain("\0ann\0guess\0-7281"s);
  const SaslReply name = start(request("LOGIN")).value();
  const SaslReply password = step(name.exchange, "nobody").value();
  (void)step(password.exchange, "guess-7281");
  ASSERT_FALSE(log_.lines.empty());
  EXPECT_EQ(log_.count("7281"), 0U);
}

}  // namespace
}  // namespace toast::auth
