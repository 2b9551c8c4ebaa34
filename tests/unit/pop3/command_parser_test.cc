#include "pop3d/command_parser.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "auth/sasl_messages.h"
#include "base/base64.h"

namespace toast::pop3 {
namespace {

std::string number(const std::optional<MessageNumber>& message) {
  if (!message) return "all";
  if (message->value == MessageNumber::kBeyondAll) return "beyond";
  return std::to_string(message->value);
}

struct Show {
  std::string operator()(const User& c) { return "USER [" + c.name + "]"; }
  std::string operator()(const Pass& c) { return "PASS [" + std::string(c.password.view()) + "]"; }
  std::string operator()(const Stat&) { return "STAT"; }
  std::string operator()(const List& c) { return "LIST " + number(c.message); }
  std::string operator()(const Uidl& c) { return "UIDL " + number(c.message); }
  std::string operator()(const Retr& c) { return "RETR " + number(c.message); }
  std::string operator()(const Top& c) {
    return fmt::format("TOP {} {}", number(c.message), c.lines);
  }
  std::string operator()(const Dele& c) { return "DELE " + number(c.message); }
  std::string operator()(const Rset&) { return "RSET"; }
  std::string operator()(const Noop&) { return "NOOP"; }
  std::string operator()(const Quit&) { return "QUIT"; }
  std::string operator()(const Capa&) { return "CAPA"; }
  std::string operator()(const Stls&) { return "STLS"; }
  std::string operator()(const Apop& c) { return "APOP [" + c.name + "] " + c.digest; }
  std::string operator()(const Auth& c) {
    std::string shown = "AUTH " + c.mechanism;
    return c.initial ? shown + " [" + std::string(c.initial->view()) + "]" : shown;
  }
};

std::string parse(std::string_view line) {
  const tl::expected<Command, SyntaxError> command = parse_command(line);
  if (!command) return "-ERR " + std::string(command.error().reply);
  return std::visit(Show{}, *command);
}

struct CommandCase {
  std::string_view line, parsed;
};

TEST(CommandParser, Good) {
  const CommandCase cases[] = {
      {"USER ann@example.org", "USER [ann@example.org]"},
      {"user ann", "USER [ann]"},  // keywords in any case
      {"UsEr \"a b\"@example.org", "USER [\"a b\"@example.org]"},
      // the rest of the line is the password, spaces included (RFC 1939 section 7)
      {"PASS secret", "PASS [secret]"},
      {"PASS two words", "PASS [two words]"},
      {"PASS  leading and trailing ", "PASS [ leading and trailing ]"},
      {"PASS  ", "PASS [ ]"},
      {"PASS p\xc3\xa4ss\tw", "PASS [p\xc3\xa4ss\tw]"},
      {"STAT", "STAT"},
      {"stat", "STAT"},
      {"LIST", "LIST all"},
      {"LIST 1", "LIST 1"},
      {"UIDL", "UIDL all"},
      {"UIDL 20000", "UIDL 20000"},
      {"RETR 1", "RETR 1"},
      {"RETR 0001", "RETR 1"},
      {"TOP 1 0", "TOP 1 0"},  // the header only (section 7)
      {"TOP 2 10", "TOP 2 10"},
      {"DELE 3", "DELE 3"},
      {"RSET", "RSET"},
      {"NOOP", "NOOP"},
      {"QUIT", "QUIT"},
      {"CAPA", "CAPA"},
      {"APOP mrose c4c9334bac560ecc979e58001b3e22fb",
       "APOP [mrose] c4c9334bac560ecc979e58001b3e22fb"},
      {"apop two words C4C9334BAC560ECC979E58001B3E22FB",
       "APOP [two words] c4c9334bac560ecc979e58001b3e22fb"},
      // RFC 5034 section 4
      {"AUTH", "AUTH "},
      {"auth plain", "AUTH plain"},
      {"AUTH SCRAM-SHA-256-PLUS", "AUTH SCRAM-SHA-256-PLUS"},
      {"AUTH PLAIN dGVzdA==", "AUTH PLAIN [test]"},
      {"AUTH PLAIN =", "AUTH PLAIN []"},
      // numbers that no message has are numbers all the same, and never another message's
      {"RETR 0", "RETR 0"},
      {"RETR 4294967294", "RETR 4294967294"},
      {"RETR 4294967295", "RETR beyond"},
      {"RETR 4294967297", "RETR beyond"},
      {"RETR 18446744073709551617", "RETR beyond"},
      {"LIST 99999999999999999999999999999999999999", "LIST beyond"},
      {"TOP 1 18446744073709551615", "TOP 1 18446744073709551615"},
      {"TOP 1 18446744073709551616", "TOP 1 18446744073709551615"},
      {"TOP 1 99999999999999999999999", "TOP 1 18446744073709551615"},
  };
  for (const CommandCase& c : cases) EXPECT_EQ(parse(c.line), c.parsed) << c.line;
}

TEST(CommandParser, SaslResponses) {
  const std::string longest(auth::kMaxSaslMessage, 'x');
  const auto show = [](std::string_view line) -> std::string {
    const auto response = parse_response(line);
    if (!response) return "-ERR " + std::string(response.error().reply);
    return *response ? "[" + std::string((*response)->view()) + "]" : "cancelled";
  };
  EXPECT_EQ(show("dGVzdA=="), "[test]");
  EXPECT_EQ(show(""), "[]");
  EXPECT_EQ(show("*"), "cancelled");
  EXPECT_EQ(show(base64_encode(longest)), "[" + longest + "]");
  for (const char* line : {"=", "**", " *", "dGVzdA", "dGVzdA== ", "QUIT!"})
    EXPECT_EQ(show(line), "-ERR the response is not base64") << line;
  EXPECT_EQ(show(base64_encode(longest + "x")), "-ERR the response is too long");
}

TEST(CommandParser, Bad) {
  const CommandCase cases[] = {
      {"", "-ERR unknown command"},
      {" ", "-ERR unknown command"},
      {" NOOP", "-ERR unknown command"},
      {"NOOP\t", "-ERR unknown command"},
      {"NOO", "-ERR unknown command"},
      {"NOOPS", "-ERR unknown command"},
      {"XTND XMIT", "-ERR unknown command"},
      {"GET / HTTP/1.1", "-ERR unknown command"},
      {"\x16\x03\x01\x02", "-ERR unknown command"},  // a TLS hello on the clear port
      {"AUTH ", "-ERR usage: AUTH [mechanism [initial response]]"},
      {"AUTH  PLAIN", "-ERR usage: AUTH [mechanism [initial response]]"},
      {"AUTH PL@IN", "-ERR usage: AUTH [mechanism [initial response]]"},
      {"AUTH ABCDEFGHIJKLMNOPQRSTU", "-ERR usage: AUTH [mechanism [initial response]]"},
      {"AUTH PLAIN ", "-ERR the initial response is not base64"},
      {"AUTH PLAIN dGVzdA=", "-ERR the initial response is not base64"},
      {"AUTH PLAIN dGVzdA== ", "-ERR the initial response is not base64"},
      {"AUTH PLAIN dGVz dA==", "-ERR the initial response is not base64"},
      {"AUTH PLAIN *", "-ERR the initial response is not base64"},
      {"STLS now", "-ERR STLS takes no argument"},
      {"APOP", "-ERR usage: APOP name digest"},
      {"APOP ann", "-ERR usage: APOP name digest"},
      {"APOP c4c9334bac560ecc979e58001b3e22fb", "-ERR usage: APOP name digest"},
      {"APOP  c4c9334bac560ecc979e58001b3e22fb", "-ERR usage: APOP name digest"},
      {"APOP  ann c4c9334bac560ecc979e58001b3e22fb", "-ERR usage: APOP name digest"},
      {"APOP ann c4c9334bac560ecc979e58001b3e22fb ", "-ERR usage: APOP name digest"},
      {"APOP ann c4c9334bac560ecc979e58001b3e22fx", "-ERR usage: APOP name digest"},
      {"APOP a\tn c4c9334bac560ecc979e58001b3e22fb", "-ERR usage: APOP name digest"},
      {std::string_view("NO\0OP", 5), "-ERR NUL byte in command"},
      {std::string_view("PASS a\0b", 8), "-ERR NUL byte in command"},
      {"USER", "-ERR usage: USER name"},
      {"USER ", "-ERR usage: USER name"},
      {"USER  ann", "-ERR usage: USER name"},
      {"USER ann ", "-ERR usage: USER name"},
      {"USER a\rb", "-ERR usage: USER name"},
      {"PASS", "-ERR usage: PASS password"},
      {"PASS ", "-ERR usage: PASS password"},
      // exactly one space, exactly the arguments there are
      {"STAT ", "-ERR STAT takes no argument"},
      {"STAT 1", "-ERR STAT takes no argument"},
      {"LIST ", "-ERR usage: LIST [message]"},
      {"LIST  1", "-ERR usage: LIST [message]"},
      {"LIST 1 ", "-ERR usage: LIST [message]"},
      {"LIST 1 2", "-ERR usage: LIST [message]"},
      {"LIST -1", "-ERR usage: LIST [message]"},
      {"LIST +1", "-ERR usage: LIST [message]"},
      {"LIST 1x", "-ERR usage: LIST [message]"},
      {"LIST 0x1", "-ERR usage: LIST [message]"},
      {"LIST 1.0", "-ERR usage: LIST [message]"},
      {"UIDL one", "-ERR usage: UIDL [message]"},
      {"RETR", "-ERR usage: RETR message"},
      {"RETR ", "-ERR usage: RETR message"},
      {"RETR -1", "-ERR usage: RETR message"},
      {"RETR 1 2", "-ERR usage: RETR message"},
      {"DELE", "-ERR usage: DELE message"},
      {"DELE 1 2", "-ERR usage: DELE message"},
      {"TOP", "-ERR usage: TOP message lines"},
      {"TOP 1", "-ERR usage: TOP message lines"},
      {"TOP 1 ", "-ERR usage: TOP message lines"},
      {"TOP 1  2", "-ERR usage: TOP message lines"},
      {"TOP 1 -1", "-ERR usage: TOP message lines"},
      {"TOP 1 2 3", "-ERR usage: TOP message lines"},
      {"RSET 1", "-ERR RSET takes no argument"},
      {"NOOP x", "-ERR NOOP takes no argument"},
      {"QUIT now", "-ERR QUIT takes no argument"},
      {"CAPA 1", "-ERR CAPA takes no argument"},
  };
  for (const CommandCase& c : cases) EXPECT_EQ(parse(c.line), c.parsed) << c.line;
}

}  // namespace
}  // namespace toast::pop3
