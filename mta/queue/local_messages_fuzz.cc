// What any user of this machine may send to run/submit.sock, and what comes back: whatever decodes
// is within its limits and encodes to the same bytes again.
#include <cstdint>

#include "mta/queue/local_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;
using namespace toast::queue;
using fuzz::require;
using fuzz::round_trips;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  LocalOpen open;
  round_trips(input, open);
  LocalOpen::Reply opened;
  round_trips(input, opened);
  LocalRecipients some;
  if (round_trips(input, some)) {
    require(some.recipients.size() <= kMaxLocalRecipients);
    for (const LocalRecipient& one : some.recipients)
      require(one.address.size() <= kMaxLocalAddress && one.orcpt.size() <= kMaxOrcptBytes);
  }
  LocalEnd end;
  if (round_trips(input, end))
    require(end.sender.size() <= kMaxLocalAddress && end.envid.size() <= kMaxEnvidBytes &&
            end.bytes.size() <= kMaxChunk && end.ret <= DsnReturn::full);
  return 0;
}
