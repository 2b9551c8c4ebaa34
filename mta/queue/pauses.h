// What the operator has paused, kept in a file of queue/ so that it survives a restart. An instance
// that came back alone from a crash and began to send what somebody had stopped would be worse than
// one that does nothing.
#pragma once

#include <set>
#include <string>

#include "mta/queue/journal/disk.h"

namespace toast::queue {

inline constexpr std::string_view kPausesFile = "paused";
inline constexpr std::size_t kMaxPausedDestinations = 10'000;

class Pauses {
 public:
  Pauses() = default;  // kept nowhere
  // Reads `paused` on the disk of the queue; a missing file is nothing paused. One that cannot be
  // read is an error: nobody knows what must not be sent.
  [[nodiscard]] static Result<Pauses> load(Disk& disk);

  bool inbound = false;
  bool outbound = false;
  std::set<std::string, std::less<>> destinations;

  // Durable when it returns well. After an error the file has its old content or this one.
  [[nodiscard]] Result<void> save() const;
  bool any() const { return inbound || outbound || !destinations.empty(); }

 private:
  Disk* disk_ = nullptr;
};

}  // namespace toast::queue
