#include "mta/queue/send_counts.h"

#include <algorithm>
#include <sstream>

namespace toast::queue {
namespace {

constexpr std::int64_t kHourSeconds = 3600;
constexpr std::int64_t kDaySeconds = 86400;

}  // namespace

// A clock that was set back leaves the window where it is.
void SendCounts::Window::move_to(std::int64_t now) {
  if (now <= index) return;
  before = now == index + 1 ? running : 0;
  running = 0;
  index = now;
}

std::uint64_t SendCounts::Window::within(std::int64_t seconds, std::int64_t length) const {
  Window moved = *this;
  moved.move_to(seconds / length);
  const auto left = static_cast<std::uint64_t>(length - seconds % length);
  return moved.running + moved.before * left / static_cast<std::uint64_t>(length);
}

SendCounts::Sent SendCounts::sent(const std::string& who, WallTime now) const {
  const auto found = senders_.find(who);
  if (found == senders_.end()) return {};
  const std::int64_t seconds = unix_seconds(now);
  return {found->second.hour.within(seconds, kHourSeconds),
          found->second.day.within(seconds, kDaySeconds)};
}

void SendCounts::add(const std::string& who, std::uint64_t recipients, WallTime now) {
  const std::int64_t seconds = unix_seconds(now);
  if (senders_.size() >= kMaxSenders && !senders_.contains(who)) {
    std::erase_if(senders_,
                  [&](const auto& e) { return e.second.day.within(seconds, kDaySeconds) == 0; });
    if (senders_.size() >= kMaxSenders) senders_.clear();
  }
  Sender& sender = senders_[who];
  sender.hour.move_to(seconds / kHourSeconds);
  sender.day.move_to(seconds / kDaySeconds);
  sender.hour.running += recipients;
  sender.day.running += recipients;
}

void SendCounts::take_back(const std::string& who, std::uint64_t recipients, WallTime now) {
  const auto found = senders_.find(who);
  if (found == senders_.end()) return;
  const std::int64_t seconds = unix_seconds(now);
  found->second.hour.move_to(seconds / kHourSeconds);
  found->second.day.move_to(seconds / kDaySeconds);
  for (Window* window : {&found->second.hour, &found->second.day})
    window->running -= std::min(window->running, recipients);
}

std::string SendCounts::text(WallTime now) const {
  const std::int64_t seconds = unix_seconds(now);
  std::ostringstream out;
  for (const auto& [who, sender] : senders_) {
    if (sender.day.within(seconds, kDaySeconds) == 0) continue;
    for (const Window& window : {sender.hour, sender.day})
      out << window.index << ' ' << window.running << ' ' << window.before << ' ';
    out << who << '\n';
  }
  return out.str();
}

Result<SendCounts> SendCounts::parse(std::string_view text) {
  SendCounts counts;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Sender sender;
    for (Window* window : {&sender.hour, &sender.day})
      words >> window->index >> window->running >> window->before;
    std::string who;
    words.get();  // the blank
    std::getline(words, who);
    if (words.fail() || who.empty() || counts.senders_.size() >= kMaxSenders)
      return permanent("a line that is not ours");
    counts.senders_.insert_or_assign(std::move(who), sender);
  }
  return counts;
}

}  // namespace toast::queue
