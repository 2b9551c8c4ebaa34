// The messages that toast-vdomaind takes and gives: whatever decodes, encodes to the same bytes.
// The first byte chooses the message.
#include <cstdint>
#include <string_view>

#include "auth/account_messages.h"
#include "tests/fuzz/round_trip.h"
#include "vdomain/quota_messages.h"
#include "vdomain/resolver_messages.h"
#include "vdomain/sender_messages.h"
#include "vdomain/usage_messages.h"

using namespace toast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 15) {
    case 0:
      fuzz::check_round_trip<vdomain::CheckRecipient>(bytes);
      break;
    case 1:
      fuzz::check_round_trip<vdomain::CheckRecipient::Reply>(bytes);
      break;
    case 2:
      fuzz::check_round_trip<vdomain::Resolve>(bytes);
      break;
    case 3:
      fuzz::check_round_trip<vdomain::Resolve::Reply>(bytes);
      break;
    case 4:
      fuzz::check_round_trip<vdomain::UsageReport>(bytes);
      break;
    case 7:
      fuzz::check_round_trip<vdomain::MaySendAs>(bytes);
      break;
    case 5:
      fuzz::check_round_trip<auth::FindAccount>(bytes);
      break;
    case 8:
      fuzz::check_round_trip<vdomain::DomainUsageReport>(bytes);
      break;
    case 9:
      fuzz::check_round_trip<vdomain::FindQuotaDomains>(bytes);
      break;
    case 10:
      fuzz::check_round_trip<vdomain::FindQuotaDomains::Reply>(bytes);
      break;
    case 11:
      fuzz::check_round_trip<vdomain::FindQuotaHolders>(bytes);
      break;
    case 12:
      fuzz::check_round_trip<vdomain::FindQuotaHolders::Reply>(bytes);
      break;
    case 13:
      fuzz::check_round_trip<vdomain::FindSendLimits>(bytes);
      break;
    case 14:
      fuzz::check_round_trip<vdomain::FindSendLimits::Reply>(bytes);
      break;
    default:
      fuzz::check_round_trip<auth::FindAccount::Reply>(bytes);
      break;
  }
  return 0;
}
