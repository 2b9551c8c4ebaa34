// What the fuzzers of messages between programs have in common.
#pragma once

#include <cstdlib>
#include <string_view>

#include "base/codec.h"

namespace toast::fuzz {

inline void require(bool truth) {
  if (!truth) std::abort();
}

// Whether `input` is a `message`, which it is then, and which encodes to `input` again: there is
// one way to write it.
template <class Message>
bool round_trips(std::string_view input, Message& message) {
  Decoder decoder(input);
  message = Message::decode(decoder);
  if (!decoder.finish("message")) return false;
  Encoder encoder;
  message.encode(encoder);
  require(encoder.view() == input);
  return true;
}

// Of messages that may be written in several ways: what decodes is written in one of them, which
// comes back as it is.
template <class Message>
void check_round_trip(std::string_view input) {
  Decoder decoder(input);
  const Message first = Message::decode(decoder);
  if (!decoder.finish("message")) return;
  Encoder encoder;
  first.encode(encoder);
  Decoder again(encoder.view());
  const Message second = Message::decode(again);
  require(again.finish("message").has_value());
  Encoder twice;
  second.encode(twice);
  require(twice.view() == encoder.view());
}

}  // namespace toast::fuzz
