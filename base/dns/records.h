// From what the resolver hands over, names and record data as bytes, to values. All of it was
// written by strangers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dns.h"

namespace toast::dns {

// Record types, RFC 1035 section 3.2.2 and RFC 3596.
inline constexpr int kTypeA = 1;
inline constexpr int kTypeNs = 2;
inline constexpr int kTypeMx = 15;
inline constexpr int kTypeAaaa = 28;

// The answer to one question: record data in wire form, names in it not compressed.
struct Records {
  DnsStatus status = DnsStatus::no_data;
  std::vector<std::string> data;
  bool secure = false;
};

// A host name in lower case without its final dot. Letters, digits, hyphens, and underscores,
// which real MX records have; nothing if it is none, so that no odd byte of a label goes further.
std::optional<std::string> host_name(std::string_view text);
// A name in wire form that fills `wire` exactly: a host name, or "" for the root.
std::optional<std::string> host_name_from_wire(std::string_view wire);

MxAnswer mx_answer(const Records& records);
// `a` and `aaaa` as they came; at most one of them is an error in what is made of them.
Result<AddressAnswer> address_answer(Result<Records> a, Result<Records> aaaa);

}  // namespace toast::dns
