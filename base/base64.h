// Base64 with padding (RFC 4648 section 4), as SASL carries it. Strict: no line ends, no spaces, no
// bits left over, so that one text has one spelling.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace toast {

std::string base64_encode(std::string_view bytes);
// None: not base64. A Secret, because what comes in so is mostly a password.
std::optional<Secret> base64_decode(std::string_view text);

// How many characters so many bytes take.
constexpr std::size_t base64_size(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

}  // namespace toast
