// How many recipients at other hosts somebody has sent to, in the last hour and the last day. A
// window that slides: what the running hour has, and of the hour before it the share that lies
// within the last sixty minutes. Four numbers for each sender, whatever the limits are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/result.h"

namespace toast::queue {

// Who is remembered at a time: some 200 bytes each. More have sent within two days than a machine
// has users; then all are forgotten.
inline constexpr std::size_t kMaxSenders = 200'000;

class SendCounts {
 public:
  struct Sent {
    std::uint64_t hour = 0;
    std::uint64_t day = 0;
  };
  Sent sent(const std::string& who, WallTime now) const;
  void add(const std::string& who, std::uint64_t recipients, WallTime now);
  // Undoes an add() of a moment ago.
  void take_back(const std::string& who, std::uint64_t recipients, WallTime now);
  void forget(const std::string& who) { senders_.erase(who); }
  std::size_t size() const { return senders_.size(); }

  // A line for each, without those whose two days are over.
  std::string text(WallTime now) const;
  // Error: a line that text() did not write.
  [[nodiscard]] static Result<SendCounts> parse(std::string_view text);

 private:
  struct Window {
    std::int64_t index = 0;  // which hour, or day, since 1970
    std::uint64_t running = 0;
    std::uint64_t before = 0;
    void move_to(std::int64_t now);
    std::uint64_t within(std::int64_t seconds, std::int64_t length) const;
  };
  struct Sender {
    Window hour;
    Window day;
  };
  std::unordered_map<std::string, Sender> senders_;
};

}  // namespace toast::queue
