#include "mta/compat/envelope.h"

#include <algorithm>

namespace toast::compat {

Taken<void> EnvelopeReader::feed_letter(char letter) {
  if (state_ == State::start && letter == 'F') {
    state_ = State::sender;
  } else if (state_ == State::between && letter == 'T') {
    if (envelope_.recipients.size() >= queue::kMaxEnvelopeRecipients)
      return refuse(QueueExit::refused, "more than " +
                                            std::to_string(queue::kMaxEnvelopeRecipients) +
                                            " recipients in one message");
    state_ = State::recipient;
  } else if (state_ == State::between && letter == '\0') {
    state_ = State::end;
  } else {
    return refuse(QueueExit::bad_envelope,
                  "the envelope is F sender NUL, then T recipient NUL each, then NUL");
  }
  return {};
}

void EnvelopeReader::end_address() {
  if (state_ == State::sender)
    envelope_.sender = std::move(address_);
  else
    envelope_.recipients.push_back({std::move(address_), 0, {}});
  address_.clear();
  state_ = State::between;
}

Taken<void> EnvelopeReader::feed(std::string_view bytes) {
  while (!bytes.empty() && state_ != State::end) {
    if (state_ == State::start || state_ == State::between) {
      if (Taken<void> known = feed_letter(bytes.front()); !known) return known;
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    if (address_.size() + end > queue::kMaxLocalAddress)
      return refuse(QueueExit::address_too_long,
                    "an address is over " + std::to_string(queue::kMaxLocalAddress) + " bytes");
    address_ += bytes.substr(0, end);
    if (end < bytes.size()) {
      end_address();
      bytes.remove_prefix(end + 1);
    } else {
      bytes = {};
    }
  }
  return {};
}

std::string write_envelope(const EnvelopeText& envelope) {
  std::string out = "F" + envelope.sender + '\0';
  for (const queue::LocalRecipient& recipient : envelope.recipients)
    out += "T" + recipient.address + '\0';
  out += '\0';
  return out;
}

}  // namespace toast::compat
