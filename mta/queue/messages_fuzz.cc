// What travels between queued and toastctl, and between queued and filterd: any bytes either fail
// to decode or decode to a message that encodes and decodes to the same bytes again.
#include <cstdint>

#include "mta/filter/verdict_messages.h"
#include "mta/queue/admin_messages.h"
#include "mta/queue/takeover_messages.h"
#include "mta/queue/trace_messages.h"
#include "tests/fuzz/round_trip.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast;
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 12) {
    case 0:
      fuzz::check_round_trip<queue::QueueList>(bytes);
      break;
    case 1:
      fuzz::check_round_trip<queue::QueueList::Reply>(bytes);
      break;
    case 2:
      fuzz::check_round_trip<queue::QueueShow>(bytes);
      break;
    case 3:
      fuzz::check_round_trip<queue::QueueShow::Reply>(bytes);
      break;
    case 4:
      fuzz::check_round_trip<queue::QueueStatus::Reply>(bytes);
      break;
    case 7:
      fuzz::check_round_trip<queue::TraceQuery>(bytes);
      break;
    case 8:
      fuzz::check_round_trip<queue::TraceQuery::Reply>(bytes);
      break;
    case 9:
      fuzz::check_round_trip<queue::TakeOver>(bytes);
      break;
    case 10:
      fuzz::check_round_trip<queue::TakeOverRecipients>(bytes);
      break;
    case 11:
      fuzz::check_round_trip<queue::TakeOverSteps>(bytes);
      break;
    case 5:
      fuzz::check_round_trip<filter::Judge>(bytes);
      break;
    default:
      fuzz::check_round_trip<filter::Judge::Reply>(bytes);
  }
  return 0;
}
