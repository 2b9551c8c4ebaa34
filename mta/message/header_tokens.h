// The words of a structured header field (RFC 822 section 3.3).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace toast {

struct HeaderToken {
  enum class Kind : unsigned char { atom, quoted, literal, comment, special };
  Kind kind = Kind::atom;
  char special = '\0';  // one of <>@,;:.
  std::string text;  // what it means: without quotes and backslashes; a literal with its brackets
  std::string raw;   // as written, on one line
  bool space_before = false;

  bool is(char c) const { return kind == Kind::special && special == c; }
  bool is_word() const { return kind == Kind::atom || kind == Kind::quoted; }
};

// Nothing: a quote, comment or literal has no end, or there is a NUL.
[[nodiscard]] std::optional<std::vector<HeaderToken>> tokenize_header(std::string_view body);

}  // namespace toast
