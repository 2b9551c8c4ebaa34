#include "mta/smtp/command.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "mta/message/ascii.h"

namespace toast::smtp {
namespace {

using Parsed = tl::expected<Command, Reply>;

std::string_view trim_right(std::string_view text) {
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}
std::string_view trim_left(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

// What a client calls itself. Only the characters of names and literals are checked: refusing mail
// over a wrong name is not for us (RFC 5321 section 4.1.4), and half the world's printers send one.
bool is_client_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDomain &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return ascii::is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '[' ||
                  c == ']';
         });
}

template <class Hello>
Parsed parse_hello(std::string_view argument) {
  if (!is_client_name(argument))
    return refuse(501, "5.5.4 say your host name: EHLO client.example");
  return Hello{std::string(argument)};
}

template <class Plain>
Parsed parse_plain(std::string_view argument) {
  if (!argument.empty()) return refuse(501, "5.5.4 this command takes no argument");
  return Plain{};
}

template <class Free>
Parsed parse_free(std::string_view) {
  return Free{};
}

Parsed parse_vrfy(std::string_view argument) {
  if (argument.empty()) return refuse(501, "5.5.4 VRFY takes an address");
  return Vrfy{};
}

// "FROM:" or "TO:" before the path. One space after the colon is what some old clients write; the
// grammar has none.
bool take_keyword(std::string_view& argument, std::string_view keyword) {
  if (!ascii::equal_fold(argument.substr(0, keyword.size()), keyword)) return false;
  argument.remove_prefix(keyword.size());
  if (argument.starts_with(' ')) argument.remove_prefix(1);
  return true;
}

// 5.6.7 has a code of its own (RFC 6531 section 3.5); the sender's syntax has its own status.
tl::unexpected<Reply> bad_path(const Error& error, bool is_sender) {
  Reply reply = reply_for(error, 451, 501);
  if (reply.text.starts_with("5.6.7")) reply.code = 553;
  if (is_sender && (reply.text.starts_with("5.1.3") || reply.text.starts_with("5.1.2")))
    reply.text.replace(0, 5, "5.1.7");
  return tl::unexpected(std::move(reply));
}

Parsed parse_mail(std::string_view argument) {
  if (!take_keyword(argument, "FROM:"))
    return refuse(501, "5.5.4 write MAIL FROM:<sender@example.org>");
  auto path = take_reverse_path(argument);
  if (!path) return bad_path(path.error(), true);
  auto parameters = parse_mail_parameters(argument);
  if (!parameters) return tl::unexpected(std::move(parameters.error()));
  return Mail{std::move(*path), std::move(*parameters), !argument.empty()};
}

Parsed parse_rcpt(std::string_view argument) {
  if (!take_keyword(argument, "TO:"))
    return refuse(501, "5.5.4 write RCPT TO:<recipient@example.org>");
  auto path = take_forward_path(argument);
  if (!path) return bad_path(path.error(), false);
  auto parameters = parse_rcpt_parameters(argument);
  if (!parameters) return tl::unexpected(std::move(parameters.error()));
  return Rcpt{std::move(*path), std::move(*parameters), !argument.empty()};
}

// RFC 4422 section 3.1
bool is_mechanism_name(std::string_view name) {
  return name.size() <= 20 && std::all_of(name.begin(), name.end(), [](char c) {
           return ascii::is_alnum(c) || c == '-' || c == '_';
         });
}

Parsed parse_auth(std::string_view argument) {
  if (argument.empty()) return refuse(501, "5.5.4 AUTH takes a mechanism");
  const std::size_t end = std::min(argument.find(' '), argument.size());
  const std::string_view mechanism = argument.substr(0, end);
  if (!is_mechanism_name(mechanism)) return refuse(504, "5.5.4 mechanism not known");
  Auth auth;
  auth.mechanism = mechanism;
  const std::string_view initial = trim_left(argument.substr(end));
  if (initial == "=") {  // there, and empty
    auth.initial.emplace();
  } else if (!initial.empty()) {
    auth.initial = base64_decode(initial);
    if (!auth.initial) return tl::unexpected(bad_base64());
  }
  return auth;
}

struct Verb {
  std::string_view name;
  Parsed (*parse)(std::string_view argument);
};
constexpr std::array<Verb, 14> kVerbs{{
    {"MAIL", parse_mail},
    {"RCPT", parse_rcpt},
    {"DATA", parse_plain<Data>},
    {"EHLO", parse_hello<Ehlo>},
    {"HELO", parse_hello<Helo>},
    {"RSET", parse_plain<Rset>},
    {"QUIT", parse_plain<Quit>},
    {"NOOP", parse_free<Noop>},
    {"VRFY", parse_vrfy},
    {"EXPN", parse_free<Expn>},
    {"HELP", parse_free<Help>},
    {"AUTH", parse_auth},
    {"STARTTLS", parse_plain<StartTls>},
    {"BDAT", parse_free<Bdat>},
}};

}  // namespace

tl::expected<Command, Reply> parse_command(std::string_view line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  for (const Verb& verb : kVerbs)
    if (ascii::equal_fold(word, verb.name))
      return verb.parse(trim_right(trim_left(line.substr(end))));
  return refuse(500, "5.5.1 command not known");
}

bool is_auth_line(std::string_view line) {
  return ascii::equal_fold(line.substr(0, line.find(' ')), "AUTH");
}

Reply line_too_long() { return {500, "5.5.2 line too long"}; }
Reply auth_too_long() { return {500, "5.5.6 authentication exchange line too long"}; }
Reply bad_base64() { return {501, "5.5.2 this is not base64"}; }
Reply bare_newline_in_command() {
  return {500, "5.5.2 end each line with CR and LF, and only with both"};
}
Reply bad_byte_in_command() { return {500, "5.5.2 NUL is not allowed in a command"}; }

}  // namespace toast::smtp
