#include "base/heap_release.h"

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <thread>
#include <vector>

namespace toast {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kOwnAllocator = false;  // the sanitizer's: nothing of it is ours to release
#else
constexpr bool kOwnAllocator = true;
#endif
#endif

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * 4096;
}

// Freed, but with something living behind it: malloc alone never gives that back.
std::unique_ptr<char[]> burst() {
  std::vector<std::unique_ptr<char[]>> blocks;
  for (int i = 0; i < 32 * 1024; ++i) blocks.push_back(std::make_unique<char[]>(1000));
  return std::make_unique<char[]>(1000);
}

TEST(HeapRelease, GivesBackWhatABurstHasLeft) {
  const std::unique_ptr<char[]> behind = burst();
  const std::size_t before = resident_bytes();
  EXPECT_EQ(release_free_heap(), kOwnAllocator);
  if (kOwnAllocator) EXPECT_LT(resident_bytes() + (16U << 20U), before);
}

TEST(HeapRelease, OfOtherThreadsToo) {
  std::unique_ptr<char[]> behind;
  std::thread([&] { behind = burst(); }).join();
  const std::size_t before = resident_bytes();
  EXPECT_EQ(release_free_heap(), kOwnAllocator);
  if (kOwnAllocator) EXPECT_LT(resident_bytes() + (16U << 20U), before);
}

}  // namespace
}  // namespace toast
