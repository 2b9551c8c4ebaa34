// What toastd and its children send each other on descriptor 3.
#include <cstdint>

#include "base/control_messages.h"
#include "tests/fuzz/round_trip.h"

using namespace toast;
using namespace toast::control;
using fuzz::check_round_trip;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_round_trip<Startup>(input);
  check_round_trip<Startup::Reply>(input);
  check_round_trip<GiveSocket>(input);
  check_round_trip<Prepare>(input);
  check_round_trip<PeerEnded>(input);
  return 0;
}
