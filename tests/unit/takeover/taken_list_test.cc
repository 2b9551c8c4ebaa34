// What was taken over is remembered, and an id is the same each time.
#include "mta/takeover/taken_list.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "mta/takeover/derived_id.h"

namespace toast::takeover {
namespace {

class TakenListTest : public testing::Test {
 protected:
  TakenListTest() {
    char name[] = "/tmp/toast-taken-XXXXXX";
    directory_ = ::mkdtemp(name);
    path_ = directory_ + "/list";
  }
  ~TakenListTest() override { std::filesystem::remove_all(directory_); }
  std::string directory_;
  std::string path_;
};

TEST_F(TakenListTest, Remembers) {
  {
    Result<TakenList> list = TakenList::open(path_);
    ASSERT_TRUE(list);
    EXPECT_FALSE(list->contains(MessageId(7)));
    ASSERT_TRUE(list->add(MessageId(7), "42"));
    EXPECT_TRUE(list->contains(MessageId(7)));
    EXPECT_FALSE(TakenList::open(path_)) << "two runs at a time";
  }
  Result<TakenList> again = TakenList::open(path_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->contains(MessageId(7)));
  EXPECT_FALSE(again->contains(MessageId(8)));
}

TEST_F(TakenListTest, ATornLineSaysNothing) {
  const std::string whole = MessageId(7).str();
  std::ofstream(path_) << whole << " 42\n" << MessageId(8).str().substr(0, 9);
  {
    Result<TakenList> list = TakenList::open(path_);
    ASSERT_TRUE(list);
    EXPECT_EQ(list->size(), 1U);
    ASSERT_TRUE(list->add(MessageId(9), "43"));
  }
  Result<TakenList> again = TakenList::read(path_);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->contains(MessageId(7)));
  EXPECT_TRUE(again->contains(MessageId(9)));
  EXPECT_EQ(again->size(), 2U);
}

TEST_F(TakenListTest, OnlyLooking) {
  EXPECT_EQ(TakenList::read(path_).value().size(), 0U);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST(DerivedId, IsTheSameEachTimeAndLiesInThePast) {
  const MessageId first = derived_id("a", 0);
  EXPECT_EQ(first, derived_id("a", 0));
  std::set<MessageId> ids{first};
  for (int i = 0; i < 1000; ++i) {
    const MessageId id = derived_id("message " + std::to_string(i), 0);
    EXPECT_TRUE(ids.insert(id).second);
    EXPECT_LT(id, MessageId::first_at(WallTime(std::chrono::seconds(1'771'718'400))))
        << "2026-02-22, before any that this version makes";
  }
  EXPECT_NE(first, derived_id("a", 1));
}

}  // namespace
}  // namespace toast::takeover
