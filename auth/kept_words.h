// Text as one word of a line in a file of ours: no blank, no line end, never empty.
#pragma once

#include <string>
#include <string_view>

namespace toast::auth {

// Bytes that are no printable ASCII, blanks and % become %XX; nothing becomes "-".
std::string kept_word(std::string_view text);
// The text again; what kept_word() did not write comes back as something or other.
std::string from_kept_word(std::string_view word);

}  // namespace toast::auth
