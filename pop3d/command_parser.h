// One POP3 command line to a Command. Pure: text in, value out; no state, no I/O.
// What it trusts: nothing. Arguments are parted by exactly one space (RFC 1939 section 3); only
// PASS takes the rest of its line as it stands, spaces included (section 7).
#pragma once

#include <string_view>
#include <tl/expected.hpp>

#include "pop3d/command.h"

namespace toast::pop3 {

// Why a line is no command: the text that follows "-ERR ". It never quotes the client's bytes.
struct SyntaxError {
  std::string_view reply;
};

// `line` without its line end.
[[nodiscard]] tl::expected<Command, SyntaxError> parse_command(std::string_view line);
// A line after a challenge (RFC 5034 section 4).
[[nodiscard]] tl::expected<SaslResponse, SyntaxError> parse_response(std::string_view line);

}  // namespace toast::pop3
