#include "auth/stamp.h"

namespace toast::auth {

std::string make_stamp(Random& random, std::string_view host_name) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string stamp = "<";
  for (const char c : random.bytes(kStampBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    stamp += kHex[byte >> 4U];
    stamp += kHex[byte & 0xfU];
  }
  stamp += '@';
  stamp += host_name;
  return stamp += '>';
}

}  // namespace toast::auth
