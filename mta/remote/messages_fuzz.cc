// Bytes as queued's request and remoted's answer: what can be decoded is encoded the same again.
#include <cstdint>

#include "mta/remote/delivery_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  fuzz::check_round_trip<remote::DeliverRemote>(bytes);
  fuzz::check_round_trip<remote::DeliverRemote::Reply>(bytes);
  return 0;
}
