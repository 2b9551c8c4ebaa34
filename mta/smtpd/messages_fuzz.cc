// What travels between smtpd and its keepers: any bytes either fail to decode or decode to a
// message that encodes and decodes to the same bytes again.
#include <cstdint>
#include <string>

#include "base/codec.h"
#include "mta/queue/submit_messages.h"
#include "tests/fuzz/round_trip.h"
#include "vdomain/resolver_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 9) {
    case 0:
      toast::fuzz::check_round_trip<toast::queue::SubmitBegin>(bytes);
      break;
    case 1:
      toast::fuzz::check_round_trip<toast::queue::SubmitChunk>(bytes);
      break;
    case 2:
      toast::fuzz::check_round_trip<toast::queue::SubmitEnd>(bytes);
      break;
    case 3:
      toast::fuzz::check_round_trip<toast::queue::SubmitAbort>(bytes);
      break;
    case 4:
      toast::fuzz::check_round_trip<toast::queue::CheckSpace>(bytes);
      break;
    case 7:
      toast::fuzz::check_round_trip<toast::queue::RedeemTicket>(bytes);
      break;
    case 8:
      toast::fuzz::check_round_trip<toast::queue::EndLogin>(bytes);
      break;
    case 5:
      toast::fuzz::check_round_trip<toast::vdomain::CheckRecipient>(bytes);
      break;
    default:
      toast::fuzz::check_round_trip<toast::vdomain::CheckRecipient::Reply>(bytes);
      break;
  }
  return 0;
}
