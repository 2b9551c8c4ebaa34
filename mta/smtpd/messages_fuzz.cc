// What travels between smtpd and its keepers: any bytes either fail to decode or decode to a
// message that encodes and decodes to the same bytes again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/codec.h"
#include "mta/queue/submit_messages.h"
#include "vdomain/resolver_messages.h"

namespace {

using toast::Decoder;
using toast::Encoder;

template <class Message>
void check(std::string_view bytes) {
  Decoder decoder(bytes);
  const Message first = Message::decode(decoder);
  if (!decoder.finish("message")) return;
  Encoder once;
  first.encode(once);
  Decoder again(once.view());
  const Message second = Message::decode(again);
  if (!again.finish("message")) std::abort();
  Encoder twice;
  second.encode(twice);
  if (twice.view() != once.view()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 9) {
    case 0:
      check<toast::queue::SubmitBegin>(bytes);
      break;
    case 1:
      check<toast::queue::SubmitChunk>(bytes);
      break;
    case 2:
      check<toast::queue::SubmitEnd>(bytes);
      break;
    case 3:
      check<toast::queue::SubmitAbort>(bytes);
      break;
    case 4:
      check<toast::queue::CheckSpace>(bytes);
      break;
    case 7:
      check<toast::queue::RedeemTicket>(bytes);
      break;
    case 8:
      check<toast::queue::EndLogin>(bytes);
      break;
    case 5:
      check<toast::vdomain::CheckRecipient>(bytes);
      break;
    default:
      check<toast::vdomain::CheckRecipient::Reply>(bytes);
      break;
  }
  return 0;
}
