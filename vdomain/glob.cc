#include "vdomain/glob.h"

#include <cstddef>
#include <optional>

namespace toast::vdomain {

namespace {

// The length of the pattern's first element if it is one byte wide and takes `c`; else 0.
struct Element {
  std::size_t length = 0;
  bool takes = false;
};

std::optional<Element> bracket(std::string_view pattern, char c) {
  std::size_t i = 1;
  const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (negated) ++i;
  const std::size_t first = i;
  bool found = false;
  for (; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    const char low = pattern[i];
    char high = low;
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      high = pattern[i + 2];
      i += 2;
    }
    found = found || (low <= c && c <= high);
  }
  if (i >= pattern.size()) return std::nullopt;  // not closed: an ordinary "["
  return Element{i + 1, found != negated};
}

Element first_element(std::string_view pattern, char c) {
  if (pattern.front() == '?') return {1, true};
  if (pattern.front() == '[')
    if (std::optional<Element> set = bracket(pattern, c)) return *set;
  if (pattern.front() == '\\' && pattern.size() > 1) return {2, pattern[1] == c};
  return {1, pattern.front() == c};
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::optional<std::string_view> after_star;  // where to go on when the rest fails...
  std::size_t star_end = 0;                    // ...with the star taking up to here
  std::string_view rest = pattern;
  std::size_t at = 0;
  for (;;) {
    if (!rest.empty() && rest.front() == '*') {
      rest.remove_prefix(1);
      after_star = rest;
      star_end = at;
      continue;
    }
    if (at == name.size() && rest.empty()) return true;
    if (at < name.size() && !rest.empty()) {
      const Element element = first_element(rest, name[at]);
      if (element.takes) {
        rest.remove_prefix(element.length);
        ++at;
        continue;
      }
    }
    if (!after_star || star_end >= name.size()) return false;
    rest = *after_star;
    at = ++star_end;
  }
}

}  // namespace toast::vdomain
