// The addresses of a header field, as qmail-inject reads them: RFC 822's grammar with its comments,
// groups, quoted strings and source routes, and with what people really write. Missing commas are
// put in, obsolete forms are read. What is to be an envelope's address is parsed once more, as an
// Address.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace toast {

struct ListedAddress {
  std::string local;                  // unquoted
  std::string host;                   // empty: none was written
  bool is_null = false;               // "<>"
  std::string envelope_text() const;  // as qmail-queue is given it
  std::string header_text() const;    // quoted where it must be
};

// One member of a list: an address with what is written around it, or a group's beginning or end.
struct ListItem {
  enum class Kind : unsigned char { address, group_begin, group_end };
  Kind kind = Kind::address;
  std::string before;  // display name and comments in front, as written
  ListedAddress address;
  bool in_brackets = false;
  std::string after;  // comments behind
};

// Nothing: quotes, comments or brackets are not closed, or something stands where it cannot.
[[nodiscard]] std::optional<std::vector<ListItem>> parse_address_list(std::string_view body);

// "NAME: a, b,\n  c\n" with lines below 78 columns where its parts allow it.
std::string format_address_field(std::string_view name, const std::vector<ListItem>& items);

}  // namespace toast
