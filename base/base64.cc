#include "base/base64.h"

#include <sodium.h>

namespace toast {

std::string base64_encode(std::string_view bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.pop_back();  // its NUL
  return text;
}

std::optional<Secret> base64_decode(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  std::size_t size = 0;
  const char* end = nullptr;
  const int failed =
      sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                        text.size(), nullptr, &size, &end, sodium_base64_VARIANT_ORIGINAL);
  const bool whole = failed == 0 && end == text.data() + text.size();
  std::optional<Secret> decoded;
  if (whole) decoded.emplace(std::string_view(bytes).substr(0, size));
  wipe(bytes);
  return decoded;
}

}  // namespace toast
