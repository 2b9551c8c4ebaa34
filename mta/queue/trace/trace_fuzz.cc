// A frame's payload: any bytes either fail to decode or are an event that encodes and decodes to
// itself.
#include <cstdint>
#include <cstdlib>

#include "mta/queue/trace/event.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace toast;
  Decoder decoder({reinterpret_cast<const char*>(data), size});
  const queue::trace::Event event = queue::trace::decode_event(decoder);
  if (!decoder.finish("event")) return 0;
  Encoder encoder;
  queue::trace::encode(encoder, event);
  if (encoder.view().size() > queue::trace::kMaxEventBytes) std::abort();
  Decoder again(encoder.view());
  const queue::trace::Event second = queue::trace::decode_event(again);
  if (!again.finish("event")) std::abort();
  Encoder twice;
  queue::trace::encode(twice, second);
  if (twice.view() != encoder.view()) std::abort();
  return 0;
}
