// What a hijacked pop3d may send to maild, what queued sends to it, and what both read: whatever
// decodes is within its limits and encodes to the same bytes again.
#include <cstdint>

#include "tests/fuzz/round_trip.h"
#include "vdomain/maildir/delivery_messages.h"
#include "vdomain/maildir/maildrop_messages.h"

using namespace toast;
using namespace toast::maildir;
using fuzz::check_round_trip;
using fuzz::require;
using fuzz::round_trips;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  OpenMaildrop open;
  if (round_trips(input, open))
    require(open.ticket.size() <= kMaxTicket && open.connection.size() <= kMaxConnectionId);
  OpenMaildrop::Reply opened;
  round_trips(input, opened);
  FetchMessage fetch;
  if (round_trips(input, fetch)) require(fetch.name.size() <= kMaxFileName);
  FetchMessage::Reply fetched;
  round_trips(input, fetched);
  DeleteMessages remove;
  if (round_trips(input, remove)) require(remove.names.size() <= kMaxNamesPerDelete);
  DeleteMessages::Reply removed;
  round_trips(input, removed);
  CloseMaildrop close;
  round_trips(input, close);
  check_round_trip<Deliver>(input);
  check_round_trip<Deliver::Reply>(input);
  return 0;
}
