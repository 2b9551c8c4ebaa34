// A proof that cannot fail proves nothing: each of these bugs, planted on purpose, must be caught
// by the histories. It runs with every test run, so that the histories cannot quietly go blind.
#include <gtest/gtest.h>

#include <cstdio>

#include "tests/crash/journal/history.h"

namespace toast::queue::sim {
namespace {

constexpr std::uint64_t kHistories = 2'000;  // the slowest bug shows within a tenth of it

struct Planted {
  const char* name;
  Plan plan;
};

Planted directory_sync_skipped() {
  Planted bug{"the directory sync is skipped", {}};
  bug.plan.bugs.disk.directory_sync_does_nothing = true;
  return bug;
}
Planted answered_before_the_sync() {
  Planted bug{"waiters are answered before the sync", {}};
  bug.plan.bugs.disk.data_sync_does_nothing = true;
  return bug;
}
Planted failed_sync_ignored() {
  Planted bug{"the error of a sync is ignored", {}};
  bug.plan.bugs.disk.sync_failures_are_hidden = true;
  return bug;
}
Planted recycled_too_early() {
  Planted bug{"segments are recycled without waiting for a checkpoint", {}};
  bug.plan.bugs.recycles_too_early = true;
  return bug;
}
Planted salt_left_out() {
  Planted bug{"the salt is left out", {}};
  bug.plan.bugs.salt_left_out = true;
  bug.plan.forged_records = true;
  bug.plan.steps = 100;
  return bug;
}

TEST(journal_catches_planted_bugs, Each) {
  const Planted bugs[] = {directory_sync_skipped(), answered_before_the_sync(),
                          failed_sync_ignored(), recycled_too_early(), salt_left_out()};
  for (const Planted& bug : bugs) {
    Tally tally;
    std::optional<std::string> caught;
    for (std::uint64_t seed = 1; seed <= kHistories && !caught; ++seed)
      caught = run_history(seed, bug.plan, tally);
    EXPECT_TRUE(caught) << bug.name << ": not noticed in " << kHistories << " histories";
    if (caught)
      std::printf("%s: caught by seed %llu: %s\n", bug.name,
                  static_cast<unsigned long long>(tally.histories), caught->c_str());
  }
}

// The same histories without a bug find nothing: it is the bugs that are caught.
TEST(journal_catches_planted_bugs, NothingWithoutOne) {
  Planted forged = salt_left_out();
  forged.plan.bugs = {};
  Tally tally;
  for (std::uint64_t seed = 1; seed <= kHistories / 20; ++seed) {
    const auto first = run_history(seed, forged.plan, tally);
    EXPECT_FALSE(first) << seed << ": " << *first;
    const auto second = run_history(seed, Plan{}, tally);
    EXPECT_FALSE(second) << seed << ": " << *second;
  }
}

}  // namespace
}  // namespace toast::queue::sim
