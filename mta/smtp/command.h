// SMTP commands (RFC 5321 section 4.1) as values. A pure function from a line to a command, or to
// the reply that says what is wrong with it; whether a command fits the session is not its
// business.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "mta/message/path.h"
#include "mta/smtp/parameters.h"
#include "mta/smtp/reply.h"

namespace toast::smtp {

struct Helo {
  std::string name;
};
struct Ehlo {
  std::string name;
};
struct Mail {
  ReversePath reverse_path;
  MailParameters parameters;
  bool has_parameters = false;
};
struct Rcpt {
  ForwardPath forward_path;
  RcptParameters parameters;
  bool has_parameters = false;
};
struct Data {};
struct Rset {};
struct Noop {};
struct Quit {};
struct Vrfy {};
struct Expn {};
struct Help {};
// Known by name, so that the answer can be better than "unknown".
struct Auth {};
struct StartTls {};
struct Bdat {};

using Command = std::variant<Helo, Ehlo, Mail, Rcpt, Data, Rset, Noop, Quit, Vrfy, Expn, Help, Auth,
                             StartTls, Bdat>;

// `line` is without CRLF and has no NUL, CR or LF (LineReader sees to that).
tl::expected<Command, Reply> parse_command(std::string_view line);

// Replies of LineReader's faults.
Reply line_too_long();
Reply bare_newline_in_command();
Reply bad_byte_in_command();

}  // namespace toast::smtp
