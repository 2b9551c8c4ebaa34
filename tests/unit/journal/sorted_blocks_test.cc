// A sorted table against std::map, through histories of inserts and erases.
#include "mta/queue/journal/sorted_blocks.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>

namespace toast::queue {
namespace {

using Table = SortedTable<int, std::unique_ptr<int>>;
using Model = std::map<int, int>;

void expect_same(const Table& table, const Model& model) {
  ASSERT_EQ(table.size(), model.size());
  auto expected = model.begin();
  for (const auto& [key, value] : table) {
    ASSERT_EQ(key, expected->first);
    ASSERT_EQ(*value, expected->second);
    ++expected;
  }
}

void expect_same_around(const Table& table, const Model& model, int key) {
  EXPECT_EQ(table.contains(key), model.contains(key));
  const auto lower = model.lower_bound(key);
  const auto upper = model.upper_bound(key);
  ASSERT_EQ(table.lower_bound(key) == table.end(), lower == model.end());
  if (lower != model.end()) {
    EXPECT_EQ(table.lower_bound(key)->first, lower->first);
  }
  ASSERT_EQ(table.upper_bound(key) == table.end(), upper == model.end());
  if (upper != model.end()) {
    EXPECT_EQ(table.upper_bound(key)->first, upper->first);
  }
  ASSERT_EQ(table.before(key) == nullptr, lower == model.begin());
  if (lower != model.begin()) {
    EXPECT_EQ(table.before(key)->first, std::prev(lower)->first);
  }
}

// `next` gives the keys to insert; `erase_below` of 10 steps erase one of the last `window` keys.
void run(unsigned seed, int steps, int erase_below, int window, bool ascending) {
  std::mt19937 random(seed);
  Table table;
  Model model;
  for (int i = 0; i < steps; ++i) {
    const int spread = static_cast<int>(random() % static_cast<unsigned>(window));
    const int key = ascending ? i + spread : spread;
    if (static_cast<int>(random() % 10) < erase_below) {
      const int gone = ascending ? i - spread : spread;
      EXPECT_EQ(table.erase(gone), model.erase(gone) == 1);
    } else {
      EXPECT_EQ(table.insert({key, std::make_unique<int>(i)}), model.try_emplace(key, i).second);
    }
    expect_same_around(table, model, key);
    if (i % 500 == 0) expect_same(table, model);
  }
  expect_same(table, model);
  if (!model.empty()) {
    EXPECT_EQ(table.last()->first, model.rbegin()->first);
  }
  while (!model.empty()) {
    const int key = model.begin()->first;
    EXPECT_TRUE(table.erase(key));
    model.erase(key);
  }
  EXPECT_TRUE(table.empty());
  EXPECT_TRUE(table.begin() == table.end());
}

TEST(SortedBlocks, IsASortedMap) {
  run(1, 5'000, 0, 1, true);       // in order
  run(2, 5'000, 0, 20, true);      // nearly
  run(3, 5'000, 4, 200, true);     // as a queue: new ones come, old ones go
  run(4, 5'000, 3, 3'000, false);  // anywhere
  run(5, 5'000, 5, 300, false);
}

TEST(SortedBlocks, AnEmptyOne) {
  Table table;
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.last(), nullptr);
  EXPECT_EQ(table.before(1), nullptr);
  EXPECT_FALSE(table.erase(1));
  EXPECT_TRUE(table.lower_bound(0) == table.end());
}

}  // namespace
}  // namespace toast::queue
