// The messages that toast-vdomaind takes and gives: whatever decodes, encodes to the same bytes.
// The first byte chooses the message.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "auth/account_messages.h"
#include "vdomain/quota_messages.h"
#include "vdomain/resolver_messages.h"
#include "vdomain/sender_messages.h"
#include "vdomain/usage_messages.h"

namespace {

using namespace toast;

template <class Message>
void round_trip(std::string_view bytes) {
  Decoder decoder(bytes);
  const Message message = Message::decode(decoder);
  if (!decoder.finish("message")) return;
  Encoder encoder;
  message.encode(encoder);
  Decoder again(encoder.view());
  const Message second = Message::decode(again);
  if (!again.finish("message")) std::abort();
  Encoder third;
  second.encode(third);
  if (third.view() != encoder.view()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 15) {
    case 0:
      round_trip<vdomain::CheckRecipient>(bytes);
      break;
    case 1:
      round_trip<vdomain::CheckRecipient::Reply>(bytes);
      break;
    case 2:
      round_trip<vdomain::Resolve>(bytes);
      break;
    case 3:
      round_trip<vdomain::Resolve::Reply>(bytes);
      break;
    case 4:
      round_trip<vdomain::UsageReport>(bytes);
      break;
    case 7:
      round_trip<vdomain::MaySendAs>(bytes);
      break;
    case 5:
      round_trip<auth::FindAccount>(bytes);
      break;
    case 8:
      round_trip<vdomain::DomainUsageReport>(bytes);
      break;
    case 9:
      round_trip<vdomain::FindQuotaDomains>(bytes);
      break;
    case 10:
      round_trip<vdomain::FindQuotaDomains::Reply>(bytes);
      break;
    case 11:
      round_trip<vdomain::FindQuotaHolders>(bytes);
      break;
    case 12:
      round_trip<vdomain::FindQuotaHolders::Reply>(bytes);
      break;
    case 13:
      round_trip<vdomain::FindSendLimits>(bytes);
      break;
    case 14:
      round_trip<vdomain::FindSendLimits::Reply>(bytes);
      break;
    default:
      round_trip<auth::FindAccount::Reply>(bytes);
      break;
  }
  return 0;
}
