// The memory of automatic answers: across restarts, crashes, and a file that grows.
#include "mta/queue/answered.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace toast::queue {
namespace {

Address address(std::string_view text) { return Address::parse(text).value(); }

class AnsweredTest : public testing::Test {
 protected:
  AnsweredTest() {
    std::string name = testing::TempDir() + "answered.XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    folder_ = name;
    disk_ = RealDisk::open_folder(folder_, false).value();
    restart();
  }
  ~AnsweredTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void restart() { memory_ = AnswerMemory::load(*disk_, now_).value(); }
  bool claim(std::string_view sender, std::uint64_t message, int days = 7,
             std::string_view mailbox = "ann@example.org") {
    return memory_
        ->claim({address(mailbox), address(sender), MessageId(message), 0, now_,
                 std::chrono::days{days}})
        .value();
  }
  std::string file() const { return folder_ + "/answered"; }

  std::string folder_;
  std::unique_ptr<Disk> disk_;
  WallTime now_{std::chrono::hours{500'000}};
  std::shared_ptr<AnswerMemory> memory_;
};

TEST_F(AnsweredTest, OnceInSoManyDays) {
  EXPECT_TRUE(claim("bob@x.test", 1));
  EXPECT_FALSE(claim("Bob@X.test", 2));
  EXPECT_TRUE(claim("carl@x.test", 3));
  EXPECT_TRUE(claim("bob@x.test", 4, 7, "ben@example.org"));
  now_ += std::chrono::days{7} - std::chrono::seconds{1};
  EXPECT_FALSE(claim("bob@x.test", 5));
  now_ += std::chrono::seconds{1};
  EXPECT_TRUE(claim("bob@x.test", 6));
}

TEST_F(AnsweredTest, ARestartForgetsNothing) {
  EXPECT_TRUE(claim("bob@x.test", 1));
  restart();
  EXPECT_FALSE(claim("bob@x.test", 2));
  restart();  // what was written anew
  EXPECT_FALSE(claim("bob@x.test", 3));
  now_ += std::chrono::days{8};
  restart();
  EXPECT_EQ(memory_->size(), 0U);
  EXPECT_TRUE(claim("bob@x.test", 4));
}

// The crash came between the memory and the answer: the same message asks again.
TEST_F(AnsweredTest, TheMessageThatWasToBeAnsweredIsAnsweredAfterAll) {
  EXPECT_TRUE(claim("bob@x.test", 1));
  restart();
  EXPECT_FALSE(claim("bob@x.test", 2));
  EXPECT_TRUE(claim("bob@x.test", 1));
}

TEST_F(AnsweredTest, ATornOrForeignLineIsForgotten) {
  EXPECT_TRUE(claim("bob@x.test", 1));
  EXPECT_TRUE(claim("carl@x.test", 2));
  std::ofstream(file(), std::ios::app) << "not ours\n\n1\t2\n99999999999\t3\t0\tann@exa";
  restart();
  EXPECT_EQ(memory_->size(), 2U);
  EXPECT_FALSE(claim("bob@x.test", 3));
  EXPECT_TRUE(claim("dan@x.test", 4));
  restart();
  EXPECT_EQ(memory_->size(), 3U);
}

TEST_F(AnsweredTest, ItIsBounded) {
  AnswerMemory memory;  // kept nowhere: the disk is not the matter here
  WallTime now = now_;
  for (std::size_t i = 0; i < kMaxAnswered + 10; ++i) {
    now += std::chrono::seconds{1};
    ASSERT_TRUE(memory
                    .claim({address("ann@example.org"), address(fmt::format("u{}@x.test", i)),
                            MessageId(i), 0, now, std::chrono::days{365}})
                    .value());
  }
  EXPECT_LE(memory.size(), kMaxAnswered);
  // The last one is remembered, the first forgotten.
  const auto again = [&](std::size_t i) {
    return memory
        .claim({address("ann@example.org"), address(fmt::format("u{}@x.test", i)),
                MessageId(1'000'000), 0, now, std::chrono::days{365}})
        .value();
  };
  EXPECT_FALSE(again(kMaxAnswered + 9));
  EXPECT_TRUE(again(0));
}

}  // namespace
}  // namespace toast::queue
