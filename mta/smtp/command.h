// SMTP commands (RFC 5321 section 4.1) as values. A pure function from a line to a command, or to
// the reply that says what is wrong with it; whether a command fits the session is not its
// business.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>

#include "base/secret.h"
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
struct Auth {                     // RFC 4954
  std::string mechanism;          // as typed; letters, digits, "-" and "_"
  std::optional<Secret> initial;  // base64 taken off
};
struct StartTls {};
struct Bdat {};  // known by name, so that the answer can be better than "unknown"

using Command = std::variant<Helo, Ehlo, Mail, Rcpt, Data, Rset, Noop, Quit, Vrfy, Expn, Help, Auth,
                             StartTls, Bdat>;

// `line` is without CRLF and has no NUL, CR or LF (LineReader sees to that). That of AUTH is a
// secret of the client's, and is the caller's to wipe.
tl::expected<Command, Reply> parse_command(std::string_view line);

// Does this line begin as AUTH does? Then it may hold a password, whatever is wrong with it.
bool is_auth_line(std::string_view line);

// Replies of LineReader's faults.
Reply line_too_long();
Reply bare_newline_in_command();
Reply bad_byte_in_command();
Reply auth_too_long();
Reply bad_base64();

}  // namespace toast::smtp
