#include "mta/smtp/dsn.h"

#include <algorithm>

#include "mta/message/ascii.h"

namespace toast::smtp {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

struct NotifyWord {
  std::string_view word;
  std::uint8_t bit;
};
constexpr NotifyWord kNotifyWords[] = {
    {"NEVER", kNotifyNever},
    {"SUCCESS", kNotifySuccess},
    {"FAILURE", kNotifyFailure},
    {"DELAY", kNotifyDelay},
};

std::uint8_t notify_bit(std::string_view word) {
  for (const NotifyWord& known : kNotifyWords)
    if (ascii::equal_fold(word, known.word)) return known.bit;
  return 0;
}

// xchar of RFC 3461 section 4
bool is_xchar(char c) { return c > ' ' && c != '+' && c != '=' && ascii::is_printable(c); }

// The byte behind a "+".
std::optional<char> decode_hex(std::string_view digits) {
  if (digits.size() < 2) return std::nullopt;
  const std::size_t high = kHexDigits.find(digits[0]);
  const std::size_t low = kHexDigits.find(digits[1]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

}  // namespace

std::optional<std::uint8_t> parse_notify(std::string_view text) {
  unsigned bits = 0;
  while (true) {
    const std::size_t comma = text.find(',');
    const std::uint8_t bit = notify_bit(text.substr(0, comma));
    if (bit == 0 || (bits & bit) != 0) return std::nullopt;
    bits |= bit;
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if ((bits & kNotifyNever) != 0 && bits != kNotifyNever) return std::nullopt;
  return static_cast<std::uint8_t>(bits);
}

std::optional<std::string> decode_xtext(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      const std::optional<char> byte = decode_hex(text.substr(i + 1));
      if (!byte) return std::nullopt;
      c = *byte;
      i += 2;
    } else if (!is_xchar(c)) {
      return std::nullopt;
    }
    if (!ascii::is_printable(c)) return std::nullopt;
    out.push_back(c);
  }
  return out;
}

std::string encode_xtext(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_xchar(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('+');
    out.push_back(kHexDigits[byte / 16]);
    out.push_back(kHexDigits[byte % 16]);
  }
  return out;
}

bool is_orcpt(std::string_view text) {
  const std::size_t semicolon = text.find(';');
  if (text.size() > kMaxOrcpt || semicolon == std::string_view::npos) return false;
  const std::string_view type = text.substr(0, semicolon);
  const std::string_view address = text.substr(semicolon + 1);
  return !type.empty() && std::all_of(type.begin(), type.end(), ascii::is_atext) &&
         !address.empty() && decode_xtext(address).has_value();
}

}  // namespace toast::smtp
