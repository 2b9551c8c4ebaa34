// What travels between queued and toastctl, and between queued and filterd: any bytes either fail
// to decode or decode to a message that encodes and decodes to the same bytes again.
#include <cstdint>
#include <cstdlib>

#include "mta/filter/verdict_messages.h"
#include "mta/queue/admin_messages.h"
#include "mta/queue/takeover_messages.h"
#include "mta/queue/trace_messages.h"

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
  using namespace toast;
  if (size < 1) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 12) {
    case 0:
      check<queue::QueueList>(bytes);
      break;
    case 1:
      check<queue::QueueList::Reply>(bytes);
      break;
    case 2:
      check<queue::QueueShow>(bytes);
      break;
    case 3:
      check<queue::QueueShow::Reply>(bytes);
      break;
    case 4:
      check<queue::QueueStatus::Reply>(bytes);
      break;
    case 7:
      check<queue::TraceQuery>(bytes);
      break;
    case 8:
      check<queue::TraceQuery::Reply>(bytes);
      break;
    case 9:
      check<queue::TakeOver>(bytes);
      break;
    case 10:
      check<queue::TakeOverRecipients>(bytes);
      break;
    case 11:
      check<queue::TakeOverSteps>(bytes);
      break;
    case 5:
      check<filter::Judge>(bytes);
      break;
    default:
      check<filter::Judge::Reply>(bytes);
  }
  return 0;
}
