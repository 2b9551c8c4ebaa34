// The queue id: what a message is called in the journal, in Received fields, in the 250 reply, in
// every log line from the connection to the outcome. Unique for ever on one instance, made without
// asking anybody: 51 bits of microseconds since 2026, 5 bits for the process that made it, 8 bits
// of sequence.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace toast {

class MessageId {
 public:
  MessageId() = default;
  explicit MessageId(std::uint64_t value) : value_(value) {}
  [[nodiscard]] static Result<MessageId> parse(std::string_view text);
  // No id made at this time or later is less.
  static MessageId first_at(WallTime time);
  std::uint64_t value() const { return value_; }
  std::string str() const;  // 13 characters of 0-9a-v, sorts by time
  friend auto operator<=>(const MessageId&, const MessageId&) = default;

 private:
  std::uint64_t value_ = 0;
};

// One per process that makes messages. Strictly increasing, whatever the wall clock does.
class MessageIdSource {
 public:
  static constexpr unsigned kMaxMaker = 31;
  static constexpr unsigned kQueueMaker = 31;  // toast-queued: bounces, children, injected mail
  static constexpr unsigned kMaxSmtpProcesses = 31;  // toast-smtpd instances 0..30
  MessageIdSource(const Clock& clock, unsigned maker) : clock_(clock), maker_(maker & kMaxMaker) {}
  MessageId next();
  // Ids at or below this are taken (recovered from the journal after the clock went back).
  void skip_past(MessageId taken);

 private:
  const Clock& clock_;
  std::uint64_t maker_;
  std::uint64_t last_ticks_ = 0;  // microseconds and sequence, without the maker's bits
};

}  // namespace toast

template <>
struct std::hash<toast::MessageId> {
  std::size_t operator()(const toast::MessageId& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.value());
  }
};
