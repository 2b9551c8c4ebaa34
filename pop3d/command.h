// The commands of POP3 (RFC 1939, RFC 2449) as values. Every value is well formed: it came from
// parse_command(). Whether it is allowed now is the session's question.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/secret.h"

namespace toast::pop3 {

// A message number as the client wrote it. Numbers no maildrop can have are kept as kBeyondAll, so
// that 4294967297 is "no such message" and never message 1.
struct MessageNumber {
  static constexpr std::uint32_t kBeyondAll = UINT32_MAX;
  std::uint32_t value = 0;  // 1 is the first message
  friend bool operator==(const MessageNumber&, const MessageNumber&) = default;
};

struct User {
  std::string name;
};
struct Pass {
  Secret password;
};
struct Stat {};
struct List {
  std::optional<MessageNumber> message;
};
struct Uidl {
  std::optional<MessageNumber> message;
};
struct Retr {
  MessageNumber message;
};
struct Top {
  MessageNumber message;
  std::uint64_t lines = 0;
};
struct Dele {
  MessageNumber message;
};
struct Rset {};
struct Noop {};
struct Quit {};
struct Capa {};
struct Stls {};
// RFC 5034. Without a mechanism it asks which there are (RFC 1734 had it so).
struct Auth {
  std::string mechanism;
  std::optional<Secret> initial;  // base64 taken off; "=" is an empty one
};

// RFC 1939 section 7.
struct Apop {
  std::string name;
  std::string digest;  // 32 hexadecimal digits, lower case
};

// What a client says in the middle of an AUTH: none is "*", it gives up.
using SaslResponse = std::optional<Secret>;

using Command = std::variant<User, Pass, Stat, List, Uidl, Retr, Top, Dele, Rset, Noop, Quit, Capa,
                             Stls, Auth, Apop>;

}  // namespace toast::pop3
