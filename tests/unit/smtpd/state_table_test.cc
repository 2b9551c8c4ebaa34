// Every command in every state: the reply's code and the state afterwards.
#include <gtest/gtest.h>

#include <array>

#include "mta/smtpd/session.h"
#include "tests/dialogue/smtp/fake_wire.h"
#include "tests/dialogue/smtp/world.h"

namespace toast::smtpd {
namespace {

struct Cell {
  int code;
  State next;
};
struct Row {
  std::string_view command;
  std::array<Cell, 4> cells;  // connected, greeted, mail_given, recipients_given
};

constexpr State C = State::connected;
constexpr State G = State::greeted;
constexpr State M = State::mail_given;
constexpr State R = State::recipients_given;
constexpr State X = State::closing;

const Row kTable[] = {
    {"HELO c", {{{250, G}, {250, G}, {250, G}, {250, G}}}},
    {"EHLO c", {{{250, G}, {250, G}, {250, G}, {250, G}}}},
    {"MAIL FROM:<>", {{{503, C}, {250, M}, {503, M}, {503, R}}}},
    {"RCPT TO:<ann@example.org>", {{{503, C}, {503, G}, {250, R}, {250, R}}}},
    {"RCPT TO:<bob@example.org>", {{{503, C}, {503, G}, {250, R}, {250, R}}}},
    {"RCPT TO:<no@example.org>", {{{503, C}, {503, G}, {550, M}, {550, R}}}},
    {"DATA", {{{503, C}, {503, G}, {503, M}, {354, R}}}},
    {"RSET", {{{250, C}, {250, G}, {250, G}, {250, G}}}},
    {"NOOP", {{{250, C}, {250, G}, {250, M}, {250, R}}}},
    {"VRFY x", {{{252, C}, {252, G}, {252, M}, {252, R}}}},
    {"HELP", {{{214, C}, {214, G}, {214, M}, {214, R}}}},
    {"EXPN x", {{{502, C}, {502, G}, {502, M}, {502, R}}}},
    {"AUTH PLAIN", {{{502, C}, {502, G}, {502, M}, {502, R}}}},
    {"STARTTLS", {{{502, C}, {502, G}, {502, M}, {502, R}}}},
    {"BDAT 5", {{{502, C}, {502, G}, {502, M}, {502, R}}}},
    {"XYZZY", {{{500, C}, {500, G}, {500, M}, {500, R}}}},
    {"DATA x", {{{501, C}, {501, G}, {501, M}, {501, R}}}},
    {"MAIL FROM:<a", {{{501, C}, {501, G}, {501, M}, {501, R}}}},
    {"QUIT", {{{221, X}, {221, X}, {221, X}, {221, X}}}},
};
const std::string_view kWayTo[] = {
    "",
    "EHLO c\r\n",
    "EHLO c\r\nMAIL FROM:<>\r\n",
    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\n",
};

int last_code(const std::string& said) {
  const std::size_t start = said.rfind('\n', said.size() - 2);
  return std::stoi(said.substr(start == std::string::npos ? 0 : start + 1, 3));
}

class Table : public testing::Test {
 protected:
  Table() {
    world_.recipients.domains = {"example.org"};
    world_.tls.offered = true;
    world_.auth.login = "ann@example.org";
    world_.auth.password = "secret";
    world_.recipients.known["ann@example.org"] = {Verdict::accept, {}};
    world_.recipients.known["bob@example.org"] = {Verdict::accept, {}};
    auto options = std::make_shared<Options>();
    options->host = options->greeting = "mx.example.org";
    options_ = std::move(options);
  }
  void check(std::string_view command, std::string_view way, State from, Cell wanted, Port port) {
    SCOPED_TRACE(std::string(command) + " after " + std::string(way));
    asio::io_context io;
    FakeWire wire(io.get_executor(), world_.clock, 65536);
    MessageIdSource ids(world_.clock, 0);
    Services services{world_.clock, world_.log, world_.recipients,
                      world_.queue, ids,        world_.counters};
    if (port != Port::smtp) {
      services.tls = &world_.tls;
      services.auth = &world_.auth;
      services.senders = &world_.senders;
    }
    Session session(options_, services, *IpAddress::parse("192.0.2.7"),
                    std::make_unique<BorrowedWire>(wire), port);
    spawn(io.get_executor(), session.run());
    wire.client_sends(way);
    io.poll();
    ASSERT_EQ(session.state(), from);
    wire.said.clear();
    wire.client_sends(std::string(command) + "\r\n");
    io.restart();
    io.poll();
    EXPECT_EQ(last_code(wire.said), wanted.code) << wire.said;
    EXPECT_EQ(session.state(), wanted.next);
    wire.client_closes();
    io.restart();
    io.poll();
    EXPECT_EQ(session.state(), State::closing);
  }
  World world_;
  std::shared_ptr<const Options> options_;
};

TEST_F(Table, EveryCommandInEveryState) {
  for (std::size_t state = 0; state < 4; ++state)
    for (const Row& row : kTable)
      check(row.command, kWayTo[state], static_cast<State>(state), row.cells[state], Port::smtp);
}

// The same where users hand in their mail, under TLS: before and after the login.
struct SubmissionRow {
  std::string_view command;
  std::array<Cell, 5> cells;  // connected, greeted, logged in, mail_given, recipients_given
};
constexpr std::string_view kLogIn = "AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=";
const SubmissionRow kSubmissionTable[] = {
    {"EHLO c", {{{250, G}, {250, G}, {250, G}, {250, G}, {250, G}}}},
    {kLogIn, {{{503, C}, {235, G}, {503, G}, {503, M}, {503, R}}}},
    {"AUTH PLAIN AGFubgB4", {{{503, C}, {535, G}, {503, G}, {503, M}, {503, R}}}},
    {"AUTH XYZZY", {{{503, C}, {504, G}, {503, G}, {503, M}, {503, R}}}},
    {"AUTH", {{{501, C}, {501, G}, {501, G}, {501, M}, {501, R}}}},
    {"STARTTLS", {{{503, C}, {503, G}, {503, G}, {503, M}, {503, R}}}},
    {"MAIL FROM:<>", {{{503, C}, {530, G}, {250, M}, {503, M}, {503, R}}}},
    {"MAIL FROM:<> AUTH=<>", {{{503, C}, {530, G}, {250, M}, {503, M}, {503, R}}}},
    {"RCPT TO:<x@elsewhere.test>", {{{503, C}, {503, G}, {503, G}, {250, R}, {250, R}}}},
    {"RCPT TO:<no@example.org>", {{{503, C}, {503, G}, {503, G}, {550, M}, {550, R}}}},
    {"DATA", {{{503, C}, {503, G}, {503, G}, {503, M}, {354, R}}}},
    {"RSET", {{{250, C}, {250, G}, {250, G}, {250, G}, {250, G}}}},
    {"QUIT", {{{221, X}, {221, X}, {221, X}, {221, X}, {221, X}}}},
};

TEST_F(Table, EveryCommandOfSubmissionInEveryState) {
  const State states[] = {C, G, G, M, R};
  const std::string hello = "EHLO c\r\n";
  const std::string login = hello + std::string(kLogIn) + "\r\n";
  const std::string mail = login + "MAIL FROM:<>\r\n";
  const std::string ways[] = {"", hello, login, mail, mail + "RCPT TO:<ann@example.org>\r\n"};
  for (std::size_t state = 0; state < 5; ++state)
    for (const SubmissionRow& row : kSubmissionTable)
      check(row.command, ways[state], states[state], row.cells[state], Port::submissions);
}

}  // namespace
}  // namespace toast::smtpd
