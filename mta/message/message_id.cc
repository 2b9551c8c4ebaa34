#include "mta/message/message_id.h"

#include <algorithm>

namespace toast {
namespace {

constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
constexpr std::size_t kLength = 13;  // 13 * 5 bits hold 64
constexpr unsigned kMakerBits = 5;
constexpr unsigned kSequenceBits = 8;
constexpr std::int64_t kEpochMicroseconds = 1'767'225'600'000'000;  // 2026-01-01T00:00:00Z

// Microseconds since the epoch; 0 for what was before it.
std::uint64_t ticks_at(WallTime time) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(unix_microseconds(time) - kEpochMicroseconds, 0));
}

}  // namespace

MessageId MessageId::first_at(WallTime time) {
  return MessageId(ticks_at(time) << (kMakerBits + kSequenceBits));
}

Result<MessageId> MessageId::parse(std::string_view text) {
  if (text.size() != kLength) return permanent("a queue id has 13 characters");
  std::uint64_t value = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return permanent("a queue id has only 0-9 and a-v");
    if (value >> 59U != 0) return permanent("a queue id beyond 64 bits");
    value = value << 5U | digit;
  }
  return MessageId(value);
}

std::string MessageId::str() const {
  std::string text(kLength, '0');
  std::uint64_t rest = value_;
  for (std::size_t i = kLength; i-- > 0; rest >>= 5U) text[i] = kDigits[rest & 31U];
  return text;
}

MessageId MessageIdSource::next() {
  last_ticks_ = std::max(ticks_at(clock_.wall()) << kSequenceBits, last_ticks_ + 1);
  const std::uint64_t microseconds = last_ticks_ >> kSequenceBits;
  const std::uint64_t sequence = last_ticks_ & ((1U << kSequenceBits) - 1);
  return MessageId(microseconds << (kMakerBits + kSequenceBits) | maker_ << kSequenceBits |
                   sequence);
}

void MessageIdSource::skip_past(MessageId taken) {
  const std::uint64_t microseconds = taken.value() >> (kMakerBits + kSequenceBits);
  last_ticks_ = std::max(last_ticks_, (microseconds + 1) << kSequenceBits);
}

}  // namespace toast
