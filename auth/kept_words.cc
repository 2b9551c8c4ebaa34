#include "auth/kept_words.h"

#include <charconv>

namespace toast::auth {

std::string kept_word(std::string_view text) {
  if (text.empty()) return "-";
  if (text == "-") return "%2d";
  constexpr char kHex[] = "0123456789abcdef";
  std::string word;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '%') {
      word += c;
      continue;
    }
    word += '%';
    word += kHex[byte >> 4U];
    word += kHex[byte & 0xfU];
  }
  return word;
}

std::string from_kept_word(std::string_view word) {
  if (word == "-") return {};
  std::string text;
  while (!word.empty()) {
    unsigned byte = 0;
    const bool escaped =
        word.size() >= 3 && word.front() == '%' &&
        std::from_chars(word.data() + 1, word.data() + 3, byte, 16).ptr == word.data() + 3;
    text += escaped ? static_cast<char>(byte) : word.front();
    word.remove_prefix(escaped ? 3 : 1);
  }
  return text;
}

}  // namespace toast::auth
