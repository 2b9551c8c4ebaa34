// The journal over a disk that keeps only its word, in very many made-up histories. Give the number
// with --histories=N and, to see one again, the first seed with --seed=S.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/crash/journal/history.h"

namespace toast::queue::sim {
namespace {

std::uint64_t histories = 2'000;
std::uint64_t first_seed = 1;

void print(const char* name, const Tally& t) {
  std::printf(
      "%s: seeds %llu to %llu: %llu commits of %llu records (%llu failed), %llu crashes, "
      "%llu recoveries, %llu crashes in recovery, %llu checkpoints, %llu segments used, "
      "%llu recycled, %llu abandoned, %llu bodies moved, %llu faults, %llu blobs\n",
      name, static_cast<unsigned long long>(first_seed),
      static_cast<unsigned long long>(first_seed + t.histories - 1),
      static_cast<unsigned long long>(t.commits), static_cast<unsigned long long>(t.records),
      static_cast<unsigned long long>(t.failed_commits), static_cast<unsigned long long>(t.crashes),
      static_cast<unsigned long long>(t.recoveries),
      static_cast<unsigned long long>(t.crashes_in_recovery),
      static_cast<unsigned long long>(t.checkpoints),
      static_cast<unsigned long long>(t.segments_used), static_cast<unsigned long long>(t.recycled),
      static_cast<unsigned long long>(t.abandoned_segments),
      static_cast<unsigned long long>(t.moved), static_cast<unsigned long long>(t.faults),
      static_cast<unsigned long long>(t.blobs));
}

void run_all(const char* name, const Plan& plan, std::uint64_t count) {
  Tally tally;
  for (std::uint64_t seed = first_seed; seed < first_seed + count; ++seed) {
    const std::optional<std::string> wrong = run_history(seed, plan, tally);
    ASSERT_FALSE(wrong) << name << " --seed=" << seed << " --histories=1: " << *wrong;
  }
  print(name, tally);
}

// Acknowledged is there, nothing else is, children came with their parents.
TEST(JournalHistories, KeepWhatWasAcknowledged) { run_all("histories", Plan{}, histories); }

// Long ones: every segment file is used many times.
TEST(JournalHistories, LongOnes) {
  Plan plan;
  plan.steps = 400;
  run_all("long histories", plan, histories / 100 + 1);
}

// Bodies full of records for this segment and the next uses of its file.
TEST(JournalHistories, ForgedAndStaleRecords) {
  Plan plan;
  plan.forged_records = true;
  plan.steps = 100;
  run_all("forged records", plan, histories / 40 + 1);
}

// The checkpoint before the newest is always enough.
TEST(JournalHistories, DamagedCheckpoints) {
  Plan plan;
  plan.damaged_checkpoints = true;
  plan.steps = 200;
  run_all("damaged checkpoints", plan, histories / 100 + 1);
}

}  // namespace
}  // namespace toast::queue::sim

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument.starts_with("--histories="))
      toast::queue::sim::histories = std::strtoull(argv[i] + 12, nullptr, 10);
    if (argument.starts_with("--seed="))
      toast::queue::sim::first_seed = std::strtoull(argv[i] + 7, nullptr, 10);
  }
  return RUN_ALL_TESTS();
}
