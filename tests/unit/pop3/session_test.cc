#include "pop3d/session.h"

#include <gtest/gtest.h>

#include "tests/unit/pop3/fakes.h"

namespace toast::pop3 {
namespace {

class Pop3Session : public ::testing::Test {
 protected:
  Pop3Session() {
    logins_.passwords["ann@example.org"] = "a b";
    mail_.messages = {{"id1", "Subject: one\n\nfirst\n"},
                      {"id2", "Subject: two\n\n.dot\nlast line without end"},
                      {"id3", "Subject: three\n\n"}};
  }
  Session make() {
    return Session({"192.0.2.7", "c1"}, "mx.example.test",
                   Services{logins_, maildrops_, pause_, log_, counters_}, limits_);
  }
  // Plays lines; the replies to all of them.
  std::string play(Session& session, std::vector<std::string> lines) {
    last_ = Next::go_on;
    for (const std::string& line : lines) {
      tl::expected<Command, SyntaxError> command = parse_command(line);
      last_ = run_now(session.answer(std::move(command), out_));
      if (last_ == Next::close) break;
    }
    run_now(out_.drain());
    return std::exchange(out_.sent, std::string());
  }
  Session logged_in() {
    Session session = make();
    play(session, {"USER ann@example.org", "PASS a b"});
    EXPECT_EQ(session.state(), State::transaction);
    return session;
  }

  FakeLogins logins_;
  FakeMail mail_;
  FakeMaildrops maildrops_{mail_};
  FakePause pause_;
  SilentLogger log_;
  Metrics metrics_;
  Counters counters_{metrics_};
  SessionLimits limits_;
  FakeOutput out_;
  Next last_ = Next::go_on;
};

constexpr std::string_view kCapa =
    "+OK capability list follows\r\nTOP\r\nUSER\r\nSASL PLAIN "
    "LOGIN\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\n"
    "AUTH-RESP-CODE\r\nEXPIRE NEVER\r\nIMPLEMENTATION Toastmaster\r\n.\r\n";

// Every command in every state has an answer.
TEST_F(Pop3Session, EveryCommandInEveryState) {
  struct Row {
    std::string line, fresh, user_given, transaction;
  };
  const std::string log_in = "-ERR log in first\r\n";
  const std::string auth_first = "-ERR AUTH comes before USER\r\n";
  const std::string again = "-ERR already logged in\r\n";
  const Row rows[] = {
      {"USER x", "+OK\r\n", "+OK\r\n", again},
      {"PASS x", "-ERR USER first\r\n", "-ERR [AUTH] wrong name or password\r\n", again},
      {"STAT", log_in, log_in, "+OK 3 86\r\n"},
      {"LIST", log_in, log_in, "+OK 3 messages (86 octets)\r\n1 23\r\n2 45\r\n3 18\r\n.\r\n"},
      {"LIST 2", log_in, log_in, "+OK 2 45\r\n"},
      {"UIDL", log_in, log_in, "+OK unique-id listing follows\r\n1 id1\r\n2 id2\r\n3 id3\r\n.\r\n"},
      {"UIDL 3", log_in, log_in, "+OK 3 id3\r\n"},
      {"RETR 1", log_in, log_in, "+OK 23 octets\r\nSubject: one\r\n\r\nfirst\r\n.\r\n"},
      {"TOP 2 1", log_in, log_in, "+OK\r\nSubject: two\r\n\r\n..dot\r\n.\r\n"},
      {"DELE 1", log_in, log_in, "+OK message 1 deleted\r\n"},
      {"RSET", log_in, log_in, "+OK 3 messages (86 octets)\r\n"},
      {"NOOP", log_in, log_in, "+OK\r\n"},
      {"QUIT", "+OK bye\r\n", "+OK bye\r\n", "+OK bye\r\n"},
      {"CAPA", std::string(kCapa), std::string(kCapa), std::string(kCapa)},
      {"AUTH", "+OK mechanisms follow\r\nPLAIN\r\nLOGIN\r\n.\r\n", auth_first, again},
      {"AUTH LOGIN", "+ VXNlcm5hbWU6\r\n", auth_first, again},
      {"BOGUS", "-ERR unknown command\r\n", "-ERR unknown command\r\n", "-ERR unknown command\r\n"},
  };
  for (const Row& row : rows) {
    Session fresh = make();
    EXPECT_EQ(play(fresh, {row.line}), row.fresh) << row.line;
    Session named = make();
    play(named, {"USER x"});
    EXPECT_EQ(play(named, {row.line}), row.user_given) << row.line;
    Session session = logged_in();
    EXPECT_EQ(play(session, {row.line}), row.transaction) << row.line;
  }
}

TEST_F(Pop3Session, GreetsWithoutAStamp) {
  Session session = make();
  session.greet(out_);
  EXPECT_EQ(play(session, {}), "+OK mx.example.test POP3 ready\r\n");
}

TEST_F(Pop3Session, SizesAreWireOctetsBeforeStuffing) {
  Session session = logged_in();
  const std::string reply = play(session, {"RETR 2"});
  const std::string body = "Subject: two\r\n\r\n..dot\r\nlast line without end\r\n";
  EXPECT_EQ(reply, "+OK 45 octets\r\n" + body + ".\r\n");
  EXPECT_EQ(body.size() - 1, 45U);  // without the stuffed dot
}

TEST_F(Pop3Session, DeletedMessagesDisappearUntilRset) {
  Session session = logged_in();
  EXPECT_EQ(
      play(session, {"DELE 2", "STAT", "LIST", "UIDL"}),
      "+OK message 2 deleted\r\n+OK 2 41\r\n+OK 2 messages (41 octets)\r\n1 23\r\n3 18\r\n.\r\n"
      "+OK unique-id listing follows\r\n1 id1\r\n3 id3\r\n.\r\n");
  for (const char* line : {"LIST 2", "UIDL 2", "RETR 2", "TOP 2 0", "DELE 2"})
    EXPECT_EQ(play(session, {line}), "-ERR message 2 is deleted\r\n") << line;
  EXPECT_EQ(play(session, {"RSET", "LIST 2"}), "+OK 3 messages (86 octets)\r\n+OK 2 45\r\n");
  EXPECT_EQ(play(session, {"QUIT"}), "+OK bye\r\n");
  EXPECT_EQ(mail_.removals, 0U);
}

TEST_F(Pop3Session, NumbersOutsideTheMaildrop) {
  Session session = logged_in();
  const std::string verbs[] = {"LIST ", "UIDL ", "RETR ", "DELE "};
  for (const std::string& verb : verbs) {
    EXPECT_EQ(play(session, {verb + "0"}), "-ERR no such message, the first one is 1\r\n");
    for (const char* number : {"4", "4294967295", "4294967297", "18446744073709551617"})
      EXPECT_EQ(play(session, {verb + number}), "-ERR no such message, there are 3\r\n");
  }
  EXPECT_EQ(play(session, {"TOP 4294967297 1"}), "-ERR no such message, there are 3\r\n");
}

TEST_F(Pop3Session, AnEmptyMaildrop) {
  mail_.messages.clear();
  Session session = logged_in();
  EXPECT_EQ(play(session, {"STAT", "LIST", "UIDL", "RETR 1", "QUIT"}),
            "+OK 0 0\r\n+OK 0 messages (0 octets)\r\n.\r\n+OK unique-id listing follows\r\n.\r\n"
            "-ERR no such message, there are 0\r\n+OK bye\r\n");
}

TEST_F(Pop3Session, DeletesAtQuitOnly) {
  {
    Session session = logged_in();
    play(session, {"DELE 1", "DELE 3"});
  }  // the connection was lost
  EXPECT_EQ(mail_.removals, 0U);
  Session session = logged_in();
  EXPECT_EQ(play(session, {"DELE 1", "DELE 3", "QUIT"}),
            "+OK message 1 deleted\r\n+OK message 3 deleted\r\n+OK bye, 2 messages deleted\r\n");
  EXPECT_EQ(last_, Next::close);
  EXPECT_EQ(mail_.removed, (std::vector<std::uint32_t>{1, 3}));
  EXPECT_EQ(counters_.messages_deleted.value(), 2U);
  EXPECT_EQ(counters_.logins.value(), 2U);
}

TEST_F(Pop3Session, QuitReportsWhatCouldNotBeDeleted) {
  mail_.cannot_remove = {2};
  Session partly = logged_in();
  play(partly, {"DELE 1", "DELE 2"});
  EXPECT_EQ(play(partly, {"QUIT"}), "-ERR [SYS/TEMP] 1 of 2 deleted messages were not removed\r\n");
  EXPECT_EQ(last_, Next::close);
  mail_.remove_fails = true;
  Session not_at_all = logged_in();
  play(not_at_all, {"DELE 1"});
  EXPECT_EQ(play(not_at_all, {"QUIT"}),
            "-ERR [SYS/TEMP] some deleted messages were not removed, try again later\r\n");
}

// An outage must never look like a wrong password.
TEST_F(Pop3Session, LoginFailures) {
  logins_.outage = true;
  Session session = make();
  EXPECT_EQ(play(session, {"USER ann@example.org", "PASS a b"}),
            "+OK\r\n-ERR [SYS/TEMP] cannot check passwords now, try again later\r\n");
  EXPECT_EQ(session.state(), State::authorization);
  EXPECT_EQ(pause_.waited.count(), 0);
  logins_.outage = false;
  mail_.open_fails = true;
  EXPECT_EQ(play(session, {"USER ann@example.org", "PASS a b"}),
            "+OK\r\n-ERR [SYS/TEMP] mailbox not available now, try again later\r\n");
  EXPECT_EQ(session.state(), State::authorization);
  logins_.throttled = true;
  EXPECT_EQ(play(session, {"USER ann@example.org", "PASS a b"}),
            "+OK\r\n-ERR [SYS/TEMP] too many failed logins, try again later\r\n");
}

TEST_F(Pop3Session, WrongPasswordsCostTimeAndThenTheConnection) {
  Session session = make();
  const std::string wrong = "+OK\r\n-ERR [AUTH] wrong name or password\r\n";
  EXPECT_EQ(play(session, {"USER ann@example.org", "PASS no"}), wrong);
  EXPECT_EQ(pause_.waited, limits_.failed_login_pause);
  EXPECT_EQ(play(session, {"PASS a b"}), "-ERR USER first\r\n");  // each PASS needs its USER
  EXPECT_EQ(play(session, {"USER nobody@example.org", "PASS a b"}), wrong);
  EXPECT_EQ(play(session, {"USER ann@example.org", "PASS a b "}),
            "+OK\r\n-ERR [AUTH] wrong name or password; closing\r\n");
  EXPECT_EQ(last_, Next::close);
  EXPECT_EQ(pause_.waited, 3 * limits_.failed_login_pause);
}

TEST_F(Pop3Session, TheTicketIsForThisConnection) {
  class ForeignTickets final : public FakeLogins {
    Task<tl::expected<Ticket, LoginRefusal>> login(Client, std::string, Secret) override {
      co_return Ticket{"ticket for another connection"};
    }
  } foreign;
  Session session({"192.0.2.7", "c1"}, "h", Services{foreign, maildrops_, pause_, log_, counters_},
                  limits_);
  EXPECT_EQ(play(session, {"USER a", "PASS b"}),
            "+OK\r\n-ERR [SYS/TEMP] mailbox not available now, try again later\r\n");
}

TEST_F(Pop3Session, TooManyErrorsCloseTheConnection) {
  limits_.max_errors = 3;
  Session session = make();
  EXPECT_EQ(play(session, {"GET / HTTP/1.1", "Host: x", "", "STAT"}),
            "-ERR unknown command\r\n-ERR unknown command\r\n"
            "-ERR unknown command; too many errors, closing\r\n");
  EXPECT_EQ(last_, Next::close);
}

TEST_F(Pop3Session, AMessageThatAnotherProgramRemoved) {
  mail_.messages[1].removed_by_others = true;
  Session session = logged_in();
  EXPECT_EQ(play(session, {"RETR 2", "TOP 2 0", "RETR 3"}),
            "-ERR [SYS/TEMP] message 2 was removed by another program\r\n"
            "-ERR [SYS/TEMP] message 2 was removed by another program\r\n"
            "+OK 18 octets\r\nSubject: three\r\n\r\n.\r\n");
  EXPECT_EQ(play(session, {"DELE 2", "QUIT"}),
            "+OK message 2 deleted\r\n+OK bye, 1 messages deleted\r\n");
}

TEST_F(Pop3Session, TheKeeperOfTheMailIsAway) {
  Session session = logged_in();
  mail_.fetch_fails = true;
  EXPECT_EQ(play(session, {"RETR 1", "STAT"}),
            "-ERR [SYS/TEMP] message 1 cannot be read now, try again later\r\n+OK 3 86\r\n");
}

// A reply that cannot be finished must not look finished: no final dot, hang up.
TEST_F(Pop3Session, ACutListingIsNoWholeListing) {
  Session session = logged_in();
  mail_.listing_fails = true;
  EXPECT_EQ(play(session, {"UIDL"}), "+OK unique-id listing follows\r\n");
  EXPECT_EQ(last_, Next::close);
}

TEST_F(Pop3Session, ALargeMessageIsSentInBoundedPieces) {
  std::string content = "Subject: big\n\n";
  while (content.size() < 10'000'000) content.append("\n.\n.line\n");  // grows most in encoding
  mail_.messages = {{"big", content}};
  Session session = logged_in();
  const std::string reply = play(session, {"RETR 1"});
  EXPECT_TRUE(reply.ends_with("\r\n.\r\n"));
  EXPECT_GT(reply.size(), content.size());
  EXPECT_LE(out_.largest_buffer, 65536U * 3);
  out_.largest_buffer = 0;
  out_.block = 8192;  // many slow readers: smaller pieces
  EXPECT_EQ(play(session, {"RETR 1"}), reply);
  EXPECT_LE(out_.largest_buffer, 8192U * 3);
}

TEST_F(Pop3Session, AClientThatGoesAwayMidway) {
  mail_.messages = {{"big", std::string(1'000'000, 'x')}};
  Session session = logged_in();
  out_.drains_before_hangup = out_.drains + 2;
  tl::expected<Command, SyntaxError> command = parse_command("RETR 1");
  EXPECT_EQ(run_now(session.answer(std::move(command), out_)), Next::close);
  EXPECT_LT(out_.sent.size(), 300'000U);
}

TEST_F(Pop3Session, ALongListingIsSentInBoundedPieces) {
  mail_.visit_step = 500;
  mail_.messages.clear();
  std::string expected = "+OK unique-id listing follows\r\n";
  for (int i = 1; i <= 20000; ++i) {
    mail_.messages.push_back({"unique-" + std::to_string(i), "x\n"});
    expected += std::to_string(i) + " unique-" + std::to_string(i) + "\r\n";
  }
  Session session = logged_in();
  out_.largest_buffer = 0;
  EXPECT_EQ(play(session, {"UIDL"}), expected + ".\r\n");
  EXPECT_LE(out_.largest_buffer, 2 * 65536U);
}

// RFC 2595 section 4: before USER only, once, and announced only where it works.
TEST_F(Pop3Session, StlsWhenItIsOffered) {
  FakeTls tls;
  const auto encryptable = [&] {
    return Session({"192.0.2.7", "c1"}, "mx.example.test",
                   Services{logins_, maildrops_, pause_, log_, counters_, &tls}, limits_);
  };
  Session session = encryptable();
  EXPECT_NE(play(session, {"CAPA"}).find("\r\nSTLS\r\n"), std::string::npos);
  EXPECT_EQ(play(session, {"STLS now"}), "-ERR STLS takes no argument\r\n");
  tls.ready = false;
  EXPECT_EQ(play(session, {"STLS"}),
            "-ERR [SYS/TEMP] TLS is not available now, try again later\r\n");
  tls.ready = true;
  EXPECT_EQ(play(session, {"USER mallory", "STLS"}), "+OK\r\n-ERR STLS comes before USER\r\n");
  Session fresh = encryptable();
  EXPECT_EQ(play(fresh, {"STLS"}), "+OK begin TLS\r\n");
  EXPECT_EQ(last_, Next::start_tls);
  fresh.secured("");
  EXPECT_EQ(play(fresh, {"PASS x"}), "-ERR USER first\r\n");
  EXPECT_EQ(play(fresh, {"CAPA"}).find("STLS"), std::string::npos);
  EXPECT_EQ(play(fresh, {"STLS"}), "-ERR this connection is encrypted already\r\n");
  play(fresh, {"USER ann@example.org", "PASS a b"});
  EXPECT_EQ(play(fresh, {"STLS"}), "-ERR already logged in\r\n");
  Session without = make();
  EXPECT_EQ(play(without, {"STLS"}), "-ERR STLS is not offered here\r\n");
}

TEST_F(Pop3Session, InputBehindStlsIsAnInjection) {
  FakeTls tls;
  Session session({"192.0.2.7", "c1"}, "mx.example.test",
                  Services{logins_, maildrops_, pause_, log_, counters_, &tls}, limits_);
  out_.more_waits = true;
  EXPECT_EQ(play(session, {"STLS"}), "-ERR input after STLS and before its reply, closing\r\n");
  EXPECT_EQ(last_, Next::close);
}

TEST_F(Pop3Session, AuthTellsAuthdOfTheConnection) {
  Session session = make();
  session.secured("the exporter's bytes");
  EXPECT_EQ(play(session, {"AUTH LOGIN dXNlcg=="}), "+ UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(session.state(), State::authenticating);
  EXPECT_EQ(logins_.opened.channel_binding, "the exporter's bytes");
  EXPECT_TRUE(logins_.opened.encrypted);
}

TEST_F(Pop3Session, ScramIsOfferedBySettingAndBoundByTheConnection) {
  limits_.offer.scram = true;
  Session clear = make();
  EXPECT_NE(play(clear, {"CAPA"}).find("\r\nSASL SCRAM-SHA-256 PLAIN LOGIN\r\n"),
            std::string::npos);
  Session bound = make();
  bound.secured("the exporter's bytes");
  EXPECT_NE(play(bound, {"CAPA"}).find("\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"),
            std::string::npos);
  EXPECT_EQ(
      play(bound, {"AUTH"}),
      "+OK mechanisms follow\r\nSCRAM-SHA-256-PLUS\r\nSCRAM-SHA-256\r\nPLAIN\r\nLOGIN\r\n.\r\n");
}

TEST_F(Pop3Session, AConnectionThatEndsInAnExchangeCancelsIt) {
  {
    Session session = make();
    run_now(then_done(session.hung_up()));
    EXPECT_EQ(logins_.cancelled, 0U);
    play(session, {"AUTH LOGIN"});
    run_now(then_done(session.hung_up()));
  }
  EXPECT_EQ(logins_.cancelled, 1U);
}

TEST_F(Pop3Session, PasswordsInClearTextCanBeRefused) {
  limits_.clear_passwords = false;
  Session session = make();
  for (const char* line : {"AUTH", "AUTH PLAIN", "AUTH PLAIN AGFubgBhIGI="})
    EXPECT_EQ(play(session, {line}),
              "-ERR passwords are taken over encrypted connections only: STLS first\r\n");
  EXPECT_EQ(logins_.attempts, 0U);
  EXPECT_EQ(play(session, {"CAPA"}).find("SASL"), std::string::npos);
  EXPECT_EQ(play(session, {"CAPA"}).find("USER"), std::string::npos);
  EXPECT_EQ(play(session, {"USER ann@example.org", "PASS a b"}),
            "-ERR passwords are taken over encrypted connections only: STLS first\r\n"
            "-ERR USER first\r\n");
  session.secured("");
  EXPECT_NE(play(session, {"CAPA"}).find("\r\nUSER\r\n"), std::string::npos);
  play(session, {"USER ann@example.org", "PASS a b"});
  EXPECT_EQ(session.state(), State::transaction);
}

}  // namespace
}  // namespace toast::pop3
