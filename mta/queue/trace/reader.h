// Finds what the store knows of a message: by its queue id, its Message-ID header field, or an
// address it came from or went to. Blocks: on a pool thread. It reads all files twice; what it
// holds is bounded by the limits here, whatever is in the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mta/queue/trace/event.h"

namespace toast::queue::trace {

inline constexpr std::uint32_t kMaxMessages = 1'000;  // that match, in one answer
inline constexpr std::size_t kMaxRelated = 4'000;     // parents, children, and children of these
inline constexpr std::size_t kMaxAnswerBytes =
    std::size_t{768} * 1024;  // encoded: a frame of base/ipc.h holds them

struct Query {
  MessageId id;      // zero: by text
  std::string text;  // a Message-ID, with or without <>, or an address, whatever its case
  WallTime since;
  std::uint32_t messages = 100;  // at most kMaxMessages that match
};

struct Answer {
  std::vector<Event> events;  // of all messages found, in the order of time
  // There were more: the newest messages are here, of the last of them perhaps not all.
  bool cut = false;
  std::optional<WallTime> oldest;  // the first event that the store still has
};

[[nodiscard]] Result<Answer> search(const std::string& directory, const Query& query);

}  // namespace toast::queue::trace
