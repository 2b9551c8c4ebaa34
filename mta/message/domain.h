// The part of a mail address after the "@": a domain name or an address literal (RFC 5321 sections
// 4.1.2 and 4.1.3). Every instance is valid and in canonical form, so equal means the same.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace toast {

inline constexpr std::size_t kMaxDomain = 255;      // RFC 5321 section 4.5.3.1.2
inline constexpr std::size_t kMaxDomainLabel = 63;  // RFC 1035 section 2.3.4

// An IP address in brackets: [192.0.2.1] or [IPv6:2001:db8::1]. The tag is required for IPv6.
class AddressLiteral {
 public:
  // Takes the text with its brackets. str() gives the RFC 5952 form, equal for equal addresses.
  [[nodiscard]] static Result<AddressLiteral> parse(std::string_view text);
  const std::string& str() const { return text_; }
  friend bool operator==(const AddressLiteral&, const AddressLiteral&) = default;

 private:
  explicit AddressLiteral(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

class Domain {
 public:
  // A name only: letters, digits and inner hyphens between dots; lower-cased. International names
  // come in A-label form ("xn--..."); other bytes are refused (permanent, reply 5.6.7 or 5.1.2).
  [[nodiscard]] static Result<Domain> parse(std::string_view name);
  // A name, or an address literal when it begins with "[".
  [[nodiscard]] static Result<Domain> parse_name_or_literal(std::string_view text);
  explicit Domain(const AddressLiteral& literal) : text_(literal.str()) {}

  const std::string& str() const { return text_; }
  bool is_literal() const { return text_.front() == '['; }
  friend bool operator==(const Domain&, const Domain&) = default;
  friend std::strong_ordering operator<=>(const Domain&, const Domain&) = default;

 private:
  explicit Domain(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace toast

template <>
struct std::hash<toast::Domain> {
  std::size_t operator()(const toast::Domain& domain) const noexcept {
    return std::hash<std::string>{}(domain.str());
  }
};
