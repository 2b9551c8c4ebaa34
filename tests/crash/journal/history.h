// One made-up history of a queue: batches, housekeeping, faults, crashes, recoveries, crashes
// during recovery. After each recovery the queue must be what was acknowledged, and besides that at
// most the first few records of the one batch that was in hand.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/crash/journal/sim_disk.h"

namespace toast::queue::sim {

// Bugs that somebody could write one day; the histories must show each.
struct PlantedBugs {
  Lies disk;                        // syncs left out, failures of syncs not looked at
  bool recycles_too_early = false;  // no checkpoint waited for
  bool salt_left_out = false;
};

struct Plan {
  PlantedBugs bugs;
  bool faults = true;                // failed and short writes, failed syncs, a full disk
  bool forged_records = false;       // in every body
  bool damaged_checkpoints = false;  // the newest one, whenever there is an older one
  unsigned steps = 50;
};

struct Tally {
  std::uint64_t histories = 0, crashes = 0, recoveries = 0, crashes_in_recovery = 0, commits = 0,
                failed_commits = 0, records = 0, checkpoints = 0, segments_used = 0, faults = 0,
                abandoned_segments = 0, blobs = 0, recycled = 0, moved = 0;
};

// What went wrong, if anything did.
[[nodiscard]] std::optional<std::string> run_history(std::uint64_t seed, const Plan& plan,
                                                     Tally& tally);

}  // namespace toast::queue::sim
