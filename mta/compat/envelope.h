// The envelope as qmail-queue reads it from descriptor 1: "F" sender NUL, then any number of "T"
// recipient NUL, then one more NUL. Addresses are any bytes but NUL.
#pragma once

#include <string>
#include <string_view>

#include "mta/compat/message_sink.h"

namespace toast::compat {

class EnvelopeReader {
 public:
  // Blocks may end anywhere. Bytes behind the last NUL are not looked at.
  [[nodiscard]] Taken<void> feed(std::string_view bytes);
  bool is_complete() const { return state_ == State::end; }
  EnvelopeText take() { return std::move(envelope_); }

 private:
  enum class State : unsigned char { start, sender, between, recipient, end };
  Taken<void> feed_letter(char letter);
  void end_address();

  State state_ = State::start;
  std::string address_;
  EnvelopeText envelope_;
};

// What a program gives to a $QMAILQUEUE program.
std::string write_envelope(const EnvelopeText& envelope);

}  // namespace toast::compat
