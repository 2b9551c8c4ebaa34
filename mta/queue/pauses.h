// What the operator has paused, kept in a file of queue/ so that it survives a restart. An instance
// that came back alone from a crash and began to send what somebody had stopped would be worse than
// one that does nothing.
#pragma once

#include <set>
#include <string>

#include "base/result.h"

namespace toast::queue {

inline constexpr std::string_view kPausesFile = "paused";
inline constexpr std::size_t kMaxPausedDestinations = 10'000;

class Pauses {
 public:
  // Reads `directory`/paused; a missing file is nothing paused. An empty directory: nothing is
  // kept.
  [[nodiscard]] static Result<Pauses> load(std::string directory);

  bool inbound = false;
  bool outbound = false;
  std::set<std::string, std::less<>> destinations;

  // Durable when it returns well.
  [[nodiscard]] Result<void> save() const;
  bool any() const { return inbound || outbound || !destinations.empty(); }

 private:
  std::string directory_;
};

}  // namespace toast::queue
