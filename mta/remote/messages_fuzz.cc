// Bytes as queued's request and remoted's answer: what can be decoded is encoded the same again.
#include <cstdint>
#include <cstdlib>

#include "mta/remote/delivery_messages.h"

namespace {

using namespace toast;

template <class Message>
void check(std::string_view bytes) {
  Decoder decoder(bytes);
  const Message first = Message::decode(decoder);
  if (!decoder.finish("fuzz")) return;
  Encoder once;
  first.encode(once);
  Decoder again(once.view());
  const Message second = Message::decode(again);
  if (!again.finish("fuzz")) std::abort();
  Encoder twice;
  second.encode(twice);
  if (once.view() != twice.view()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check<remote::DeliverRemote>(bytes);
  check<remote::DeliverRemote::Reply>(bytes);
  return 0;
}
