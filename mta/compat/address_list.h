// The addresses of a header field, as qmail-inject reads them: RFC 822's grammar with its comments,
// groups, quoted strings and source routes, and with what people really write. Missing commas are
// put in, obsolete forms are read. Not for what comes from the network: an Address is.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace toast::compat {

// What is appended to addresses that are written short (control/ files, QMAILDEFAULTHOST, ...).
struct HostDefaults {
  std::string host;         // x becomes x@host
  std::string domain;       // x@y becomes x@y.domain
  std::string plus_domain;  // x@y+ becomes x@y.plus_domain
  std::string id_host;      // of Message-ID
};

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

// Source routes were dropped when it was parsed; here a trailing dot, then a trailing "@" goes,
// then what is missing is appended. "<>" and "...@[]" stay.
void complete_address(ListedAddress& address, const HostDefaults& defaults);

// "NAME: a, b,\n  c\n" with lines below 78 columns where its parts allow it.
std::string format_address_field(std::string_view name, const std::vector<ListItem>& items);

}  // namespace toast::compat
