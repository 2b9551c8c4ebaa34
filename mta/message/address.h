// A mailbox as in RFC 5321 section 4.1.2: ann@example.org. Not a header address (no display names,
// no comments). Bytes from outside become an Address once, here; inside nothing is checked again.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mta/message/domain.h"

namespace toast {

inline constexpr std::size_t kMaxLocalPart = 64;          // RFC 5321 section 4.5.3.1.1
inline constexpr std::size_t kMaxPath = 256;              // RFC 5321 section 4.5.3.1.3, with < >
inline constexpr std::size_t kMaxAddress = kMaxPath - 2;  // the same without the brackets

// Every instance is valid: parse() is the only way in.
class Address {
 public:
  // The local part as a dot-atom or a quoted string, "@", a domain or an address literal. Errors
  // are permanent; their reply begins with an enhanced status (5.1.3, 5.1.2, 5.6.7).
  [[nodiscard]] static Result<Address> parse(std::string_view text);
  // From parts that are known apart, such as a row of the directory. `local_part` is unquoted.
  [[nodiscard]] static Result<Address> from_parts(std::string_view local_part, Domain domain);

  const std::string& local_part() const {
    return local_part_;
  }                                                 // unquoted; may be "" (from "\"\"")
  const Domain& domain() const { return domain_; }  // lower case, A-label form
  std::string str() const;                          // quoted again where needed

  friend bool operator==(const Address&, const Address&) = default;
  friend std::strong_ordering operator<=>(const Address&, const Address&) = default;

 private:
  Address(std::string local_part, Domain domain)
      : local_part_(std::move(local_part)), domain_(std::move(domain)) {}
  std::string local_part_;
  Domain domain_;
};

// Where bounces go. None is the null sender "<>", which is never bounced again (RFC 5321, 4.5.5).
using ReversePath = std::optional<Address>;

// The address, or "" for the null sender: what stands between the brackets of a path.
std::string path_text(const ReversePath& reverse_path);

}  // namespace toast

template <>
struct std::hash<toast::Address> {
  std::size_t operator()(const toast::Address& address) const noexcept {
    return std::hash<std::string>{}(address.local_part()) * 31 +
           std::hash<toast::Domain>{}(address.domain());
  }
};
