#include "pop3d/command_parser.h"

#include <algorithm>
#include <limits>

#include "auth/md5_proof.h"
#include "auth/sasl_messages.h"
#include "base/base64.h"

namespace toast::pop3 {

namespace {

using Parsed = tl::expected<Command, SyntaxError>;

tl::unexpected<SyntaxError> refuse(std::string_view reply) {
  return tl::unexpected(SyntaxError{reply});
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_keyword(std::string_view word, std::string_view keyword) {
  return std::equal(word.begin(), word.end(), keyword.begin(), keyword.end(),
                    [](char a, char b) { return upper(a) == b; });
}

// Digits only: no sign, no space, no 0x. A value too large for the type becomes the largest one.
std::optional<std::uint64_t> parse_digits(std::string_view text, std::uint64_t largest) {
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    value = value > (largest - digit) / 10 ? largest : value * 10 + digit;
  }
  return value;
}

std::optional<MessageNumber> parse_message_number(std::string_view text) {
  const std::optional<std::uint64_t> digits = parse_digits(text, MessageNumber::kBeyondAll);
  if (!digits) return std::nullopt;
  return MessageNumber{static_cast<std::uint32_t>(*digits)};
}

using Argument = std::optional<std::string_view>;  // what follows the first space, if there is one

template <class Plain>
Parsed no_argument(Argument argument, std::string_view reply) {
  if (argument) return refuse(reply);
  return Plain{};
}

template <class Listing>
Parsed optional_number(Argument argument, std::string_view reply) {
  if (!argument) return Listing{std::nullopt};
  const std::optional<MessageNumber> message = parse_message_number(*argument);
  if (!message) return refuse(reply);
  return Listing{message};
}

template <class One>
Parsed one_number(Argument argument, std::string_view reply) {
  const std::optional<MessageNumber> message = parse_message_number(argument.value_or(""));
  if (!message) return refuse(reply);
  return One{*message};
}

Parsed parse_top(Argument argument) {
  constexpr std::string_view kReply = "usage: TOP message lines";
  const std::string_view text = argument.value_or("");
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return refuse(kReply);
  const std::optional<MessageNumber> message = parse_message_number(text.substr(0, space));
  const std::optional<std::uint64_t> lines =
      parse_digits(text.substr(space + 1), std::numeric_limits<std::uint64_t>::max());
  if (!message || !lines) return refuse(kReply);
  return Top{*message, *lines};
}

bool is_name(std::string_view name) {
  return !name.empty() && !name.starts_with(' ') && !name.ends_with(' ') &&
         std::none_of(name.begin(), name.end(), is_control);
}

Parsed parse_user(Argument argument) {
  const std::string_view name = argument.value_or("");
  if (!is_name(name)) return refuse("usage: USER name");
  return User{std::string(name)};
}

Parsed parse_apop(Argument argument) {
  constexpr std::string_view kReply = "usage: APOP name digest";
  const std::string_view text = argument.value_or("");
  const std::size_t space = text.rfind(' ');
  if (space == std::string_view::npos || !is_name(text.substr(0, space))) return refuse(kReply);
  std::optional<std::string> digest = auth::md5_digits(text.substr(space + 1));
  if (!digest) return refuse(kReply);
  return Apop{std::string(text.substr(0, space)), std::move(*digest)};
}

Parsed parse_pass(Argument argument) {
  if (!argument || argument->empty()) return refuse("usage: PASS password");
  return Pass{Secret(*argument)};
}

bool is_mechanism(std::string_view name) {
  const auto is_part = [](char c) {
    const char u = upper(c);
    return (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '-' || u == '_';
  };
  return !name.empty() && name.size() <= auth::kMaxMechanismName &&
         std::all_of(name.begin(), name.end(), is_part);
}

Parsed parse_auth(Argument argument) {
  if (!argument) return Auth{};
  const std::size_t space = argument->find(' ');
  const std::string_view mechanism = argument->substr(0, space);
  if (!is_mechanism(mechanism)) return refuse("usage: AUTH [mechanism [initial response]]");
  Auth auth{std::string(mechanism), std::nullopt};
  if (space == std::string_view::npos) return auth;
  const std::string_view initial = argument->substr(space + 1);
  if (initial == "=") {
    auth.initial.emplace();
    return auth;
  }
  if (!initial.empty()) auth.initial = base64_decode(initial);
  if (!auth.initial) return refuse("the initial response is not base64");
  return auth;
}

}  // namespace

tl::expected<SaslResponse, SyntaxError> parse_response(std::string_view line) {
  if (line == "*") return std::nullopt;
  SaslResponse response = base64_decode(line);
  if (!response) return refuse("the response is not base64");
  if (response->size() > auth::kMaxSaslMessage) return refuse("the response is too long");
  return response;
}

Parsed parse_command(std::string_view line) {
  if (line.find('\0') != std::string_view::npos) return refuse("NUL byte in command");
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  Argument argument;
  if (space != std::string_view::npos) argument = line.substr(space + 1);

  if (is_keyword(word, "USER")) return parse_user(argument);
  if (is_keyword(word, "PASS")) return parse_pass(argument);
  if (is_keyword(word, "STAT")) return no_argument<Stat>(argument, "STAT takes no argument");
  if (is_keyword(word, "LIST")) return optional_number<List>(argument, "usage: LIST [message]");
  if (is_keyword(word, "UIDL")) return optional_number<Uidl>(argument, "usage: UIDL [message]");
  if (is_keyword(word, "RETR")) return one_number<Retr>(argument, "usage: RETR message");
  if (is_keyword(word, "TOP")) return parse_top(argument);
  if (is_keyword(word, "DELE")) return one_number<Dele>(argument, "usage: DELE message");
  if (is_keyword(word, "RSET")) return no_argument<Rset>(argument, "RSET takes no argument");
  if (is_keyword(word, "NOOP")) return no_argument<Noop>(argument, "NOOP takes no argument");
  if (is_keyword(word, "QUIT")) return no_argument<Quit>(argument, "QUIT takes no argument");
  if (is_keyword(word, "CAPA")) return no_argument<Capa>(argument, "CAPA takes no argument");
  if (is_keyword(word, "STLS")) return no_argument<Stls>(argument, "STLS takes no argument");
  if (is_keyword(word, "AUTH")) return parse_auth(argument);
  if (is_keyword(word, "APOP")) return parse_apop(argument);
  return refuse("unknown command");
}

}  // namespace toast::pop3
