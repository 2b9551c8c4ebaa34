// What a hijacked front end or authd may send to keyd, and keyd's answers as front ends read them.
// Whatever decodes is within its limits and encodes to the same bytes again; and the shape of a
// handshake never covers a text that some other protocol signs.
#include <cstdint>

#include "auth/keyd/key_messages.h"
#include "auth/keyd/stored_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;
using fuzz::require;
using fuzz::round_trips;
using namespace toast::keyd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  GetCertificates question;
  round_trips(input, question);
  GetCertificates::Reply page;
  if (round_trips(input, page)) require(page.page.size() <= kMaxPage);
  GetTicketKeys::Reply keys;
  if (round_trips(input, keys)) require(keys.count <= kMaxTicketKeys);
  Sign sign;
  if (round_trips(input, sign)) require(sign.text.size() <= kMaxSignedText);
  Sign::Reply signature;
  if (round_trips(input, signature)) require(signature.signature.size() <= kMaxSignature);
  OfferStored offer;
  round_trips(input, offer);
  StoredRow row;
  if (round_trips(input, row)) require(row.sealed_key.size() <= auth::kMaxSealedKey);
  for (const std::string_view text : {input, std::string_view(sign.text)}) {
    if (!is_tls_handshake(text, sign.scheme)) continue;
    require(text.size() >= 64 + 4 + 32 && text.size() <= kMaxSignedText);
    require(text.starts_with(std::string(64, ' ')) || text[64] == 3);
  }
  return 0;
}
