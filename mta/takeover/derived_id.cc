#include "mta/takeover/derived_id.h"

#include <sodium.h>

#include "base/codec.h"

namespace toast::takeover {

MessageId derived_id(std::string_view identity, std::uint64_t attempt) {
  Encoder encoder;
  encoder.bytes(identity);
  encoder.u64(attempt);
  const std::string& text = encoder.view();
  unsigned char hash[crypto_generichash_BYTES_MIN];
  ::crypto_generichash(hash, sizeof hash, reinterpret_cast<const unsigned char*>(text.data()),
                       text.size(), nullptr, 0);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) value = value << 8U | hash[i];
  value &= kDerivedIdsEnd - 1;
  return MessageId(value == 0 ? 1 : value);  // 0 means none
}

}  // namespace toast::takeover
