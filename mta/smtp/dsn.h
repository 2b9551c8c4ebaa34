// Values of the DSN extension (RFC 3461): xtext, NOTIFY, ORCPT, as they stand in MAIL and RCPT.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace toast::smtp {

inline constexpr std::size_t kMaxEnvid = 100;  // RFC 3461 section 4.4, decoded
inline constexpr std::size_t kMaxOrcpt = 500;  // RFC 3461 section 4.2, as written

enum class DsnReturn : std::uint8_t { unset, headers, full };  // RET, RFC 3461 section 4.3

// NOTIFY as a set of bits, RFC 3461 section 4.1. Zero: nothing was said.
inline constexpr std::uint8_t kNotifyNever = 1;
inline constexpr std::uint8_t kNotifySuccess = 2;
inline constexpr std::uint8_t kNotifyFailure = 4;
inline constexpr std::uint8_t kNotifyDelay = 8;

// NEVER, or a list of SUCCESS, FAILURE, DELAY in any case, none twice. Nothing: neither.
[[nodiscard]] std::optional<std::uint8_t> parse_notify(std::string_view text);

// xtext of RFC 3461 section 4: "+" and "=" and all outside printable ASCII stand as "+HH", in upper
// case. Nothing: it is not xtext, or what it says is not printable ASCII, blanks included.
[[nodiscard]] std::optional<std::string> decode_xtext(std::string_view text);
std::string encode_xtext(std::string_view text);

// "rfc822;ann+2Bx@example.org": a type (an atom) and an address in xtext, within kMaxOrcpt.
[[nodiscard]] bool is_orcpt(std::string_view text);

}  // namespace toast::smtp
