// What travels between queued and toastctl beyond messages_fuzz.cc: the operator's hands, senders
// that are stopped, and the rest of a take-over.
#include <cstdint>

#include "mta/queue/operator_messages.h"
#include "mta/queue/sender_messages.h"
#include "mta/queue/takeover_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;
using namespace toast::queue;
using fuzz::check_round_trip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_round_trip<QueueAct>(input);
  check_round_trip<QueueAct::Reply>(input);
  check_round_trip<QueuePause>(input);
  check_round_trip<QueueTop>(input);
  check_round_trip<QueueTop::Reply>(input);
  check_round_trip<QueueDestinations>(input);
  check_round_trip<QueueDestinations::Reply>(input);
  check_round_trip<StopSender>(input);
  check_round_trip<StopSender::Reply>(input);
  check_round_trip<ShowSender>(input);
  check_round_trip<ShowSender::Reply>(input);
  check_round_trip<ListStopped>(input);
  check_round_trip<ListStopped::Reply>(input);
  check_round_trip<TakeOver::Reply>(input);
  check_round_trip<TakeOverChunk>(input);
  check_round_trip<TakeOverEnd>(input);
  check_round_trip<TakeOverConfirm>(input);
  check_round_trip<TakeOverSettle>(input);
  return 0;
}
