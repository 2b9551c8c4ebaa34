#include "auth/hash_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <latch>

#include "tests/unit/auth/counting_hasher.h"
#include "tests/unit/auth/run_task.h"

namespace toast::auth {
namespace {

Digest question(unsigned char n) {
  Digest digest{};
  digest[0] = n;
  return digest;
}

class HashPoolTest : public testing::Test {
 protected:
  asio::io_context io_;
  std::shared_ptr<CountingHasher> hasher_ = std::make_shared<CountingHasher>();
  HashPool pool_{hasher_, {.threads = 1, .max_waiting = 2}};

  Started<Result<bool>> ask(unsigned char n, const char* password) {
    Started<Result<bool>> started(io_, pool_.verify(question(n), "plain:secret", Secret(password)));
    run_ready(io_);
    return started;
  }
  // Lets every started verification end.
  void finish() {
    hasher_->open_gate();
    io_.restart();
    io_.run();
  }
};

TEST_F(HashPoolTest, AnswersRightAndWrong) {
  EXPECT_TRUE(run_task(io_, pool_.verify(question(1), "plain:secret", Secret("secret"))).value());
  EXPECT_FALSE(run_task(io_, pool_.verify(question(2), "plain:secret", Secret("guess"))).value());
  EXPECT_EQ(pool_.in_hand(), 0U);
}

TEST_F(HashPoolTest, ErrorsAreNotAnswers) {
  const Result<bool> got = run_task(io_, pool_.verify(question(1), "broken", Secret("x")));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().failure, Failure::transient);
}

TEST_F(HashPoolTest, AFullQueueSaysTryAgainAtOnce) {
  hasher_->close_gate();
  auto running = ask(1, "secret");
  auto waiting = ask(2, "secret");
  auto also_waiting = ask(3, "guess");
  auto too_many = ask(4, "secret");
  ASSERT_TRUE(too_many.ready());
  ASSERT_FALSE(too_many.value());
  EXPECT_EQ(too_many.value().error().failure, Failure::transient);
  finish();
  EXPECT_TRUE(running.value().value());
  EXPECT_TRUE(waiting.value().value());
  EXPECT_FALSE(also_waiting.value().value());
  auto later = ask(5, "secret");
  finish();
  EXPECT_TRUE(later.value().value());
}

TEST_F(HashPoolTest, TheSameQuestionIsHashedOnce) {
  hasher_->close_gate();
  std::vector<Started<Result<bool>>> all;
  for (int i = 0; i < 20; ++i) all.push_back(ask(1, "secret"));  // far over the queue limit
  EXPECT_EQ(pool_.in_hand(), 1U);
  finish();
  for (Started<Result<bool>>& one : all) EXPECT_TRUE(one.value().value());
  EXPECT_EQ(hasher_->verified(), 1);
  auto again = ask(1, "secret");  // the pool remembers nothing; that is the cache's task
  finish();
  EXPECT_EQ(hasher_->verified(), 2);
}

TEST_F(HashPoolTest, NewHashesAreMadeOnlyWhenNobodyWaits) {
  hasher_->close_gate();
  auto running = ask(1, "secret");
  EXPECT_FALSE(run_task(io_, pool_.hash_if_idle(Secret("x"))));
  finish();
  EXPECT_EQ(run_task(io_, pool_.hash_if_idle(Secret("x"))).value(), "plain:x");
}

constexpr int kLowestPriority = 19;  // of Linux

// Guessing keeps the hashers busy; logins that need none must not wait for them.
TEST_F(HashPoolTest, ItsThreadsYieldToEverythingElse) {
  const int ours = ::getpriority(PRIO_PROCESS, 0);
  HashPool three(hasher_, {.threads = 3, .max_waiting = 2});
  std::latch all(3);
  std::vector<Started<Result<std::string>>> asked;
  for (int i = 0; i < 3; ++i) {
    std::function<Result<std::string>()> work = [&all]() -> Result<std::string> {
      all.arrive_and_wait();  // so that each thread says it once
      return std::to_string(::getpriority(PRIO_PROCESS, 0));
    };
    asked.emplace_back(io_, three.work_if_idle(std::move(work)));
    run_ready(io_);
  }
  finish();
  for (Started<Result<std::string>>& one : asked)
    EXPECT_EQ(one.value().value(), std::to_string(std::min(ours + kHasherNice, kLowestPriority)));
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), ours) << "the I/O thread does not";
}

TEST_F(HashPoolTest, AnotherHasherIsUsedFromTheNextQuestionOn) {
  auto next = std::make_shared<CountingHasher>();
  pool_.use(next);
  EXPECT_TRUE(run_task(io_, pool_.verify(question(1), "plain:secret", Secret("secret"))).value());
  EXPECT_EQ(hasher_->verified(), 0);
  EXPECT_EQ(next->verified(), 1);
}

}  // namespace
}  // namespace toast::auth
