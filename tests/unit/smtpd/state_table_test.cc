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

class Table : public testing::Test {
 protected:
  Table() {
    world_.recipients.domains = {"example.org"};
    world_.recipients.known["ann@example.org"] = {Verdict::accept, {}};
    world_.recipients.known["bob@example.org"] = {Verdict::accept, {}};
    auto options = std::make_shared<Options>();
    options->host = options->greeting = "mx.example.org";
    options_ = std::move(options);
  }
  World world_;
  std::shared_ptr<const Options> options_;
};

int last_code(const std::string& said) {
  const std::size_t start = said.rfind('\n', said.size() - 2);
  return std::stoi(said.substr(start == std::string::npos ? 0 : start + 1, 3));
}

TEST_F(Table, EveryCommandInEveryState) {
  for (std::size_t state = 0; state < 4; ++state) {
    for (const Row& row : kTable) {
      SCOPED_TRACE(std::string(row.command) + " in state " + std::to_string(state));
      asio::io_context io;
      FakeWire wire(io.get_executor(), world_.clock, 65536);
      MessageIdSource ids(world_.clock, 0);
      Services services{world_.clock, world_.log, world_.recipients,
                        world_.queue, ids,        world_.counters};
      Session session(options_, services, *IpAddress::parse("192.0.2.7"),
                      std::make_unique<BorrowedWire>(wire));
      spawn(io.get_executor(), session.run());
      wire.client_sends(kWayTo[state]);
      io.poll();
      ASSERT_EQ(session.state(), static_cast<State>(state));
      wire.said.clear();
      wire.client_sends(std::string(row.command) + "\r\n");
      io.restart();
      io.poll();
      EXPECT_EQ(last_code(wire.said), row.cells[state].code) << wire.said;
      EXPECT_EQ(session.state(), row.cells[state].next);
      wire.client_closes();
      io.restart();
      io.poll();
      EXPECT_EQ(session.state(), State::closing);
    }
  }
}

}  // namespace
}  // namespace toast::smtpd
