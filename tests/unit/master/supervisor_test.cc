// What toastd decides, event by event, on a clock of our own.
#include "mta/master/supervisor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace toast::master {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = Action::Kind;

constexpr Action kLaunch0{Kind::launch, 0}, kLaunch1{Kind::launch, 1}, kLaunch2{Kind::launch, 2};
constexpr Action kDrain0{Kind::drain, 0}, kDrain1{Kind::drain, 1}, kDrain2{Kind::drain, 2};
constexpr Action kKill0{Kind::kill, 0}, kKill1{Kind::kill, 1}, kKill2{Kind::kill, 2};
constexpr Action kAnnounce{Kind::announce, 0}, kFinish{Kind::finish, 0};

// A keeper (0), the queue (1), a front end (2): in starting order.
class SupervisorTest : public testing::Test {
 protected:
  void start_all() {
    EXPECT_THAT(supervisor_.start(), ElementsAre(kLaunch0, kLaunch1, kLaunch2));
    EXPECT_THAT(supervisor_.on_ready(1, now_), IsEmpty());
    EXPECT_THAT(supervisor_.on_ready(0, now_), IsEmpty());
    EXPECT_THAT(supervisor_.on_ready(2, now_), ElementsAre(kAnnounce));
  }
  std::vector<Action> after(std::chrono::milliseconds wait) {
    now_ += wait;
    return supervisor_.on_time(now_);
  }
  SteadyTime now_{std::chrono::hours{1}};
  Supervisor supervisor_{{Stage::keepers, Stage::queue, Stage::front_ends}};
};

TEST_F(SupervisorTest, AnnouncesOnceWhenAllAreReady) {
  start_all();
  (void)supervisor_.on_exit(2, now_);
  EXPECT_THAT(after(kFirstRestartDelay), ElementsAre(kLaunch2));
  EXPECT_THAT(supervisor_.on_ready(2, now_), IsEmpty());  // not a second time
}

TEST_F(SupervisorTest, RestartsAfterADelayAndNotBefore) {
  start_all();
  EXPECT_THAT(supervisor_.on_exit(0, now_), IsEmpty());
  ASSERT_EQ(supervisor_.next_time(), now_ + kFirstRestartDelay);
  EXPECT_THAT(after(kFirstRestartDelay - std::chrono::milliseconds{1}), IsEmpty());
  EXPECT_THAT(after(std::chrono::milliseconds{1}), ElementsAre(kLaunch0));
  EXPECT_EQ(supervisor_.next_time(), std::nullopt);
}

TEST_F(SupervisorTest, DelaysDoubleUpToALimit) {
  start_all();
  const std::chrono::milliseconds expected[] = {std::chrono::milliseconds{50},
                                                std::chrono::milliseconds{100},
                                                std::chrono::milliseconds{200},
                                                std::chrono::milliseconds{400},
                                                std::chrono::milliseconds{800},
                                                std::chrono::milliseconds{1600},
                                                std::chrono::milliseconds{3200},
                                                std::chrono::milliseconds{6400},
                                                kMaxRestartDelay,
                                                kMaxRestartDelay};
  for (const auto delay : expected) {
    (void)supervisor_.on_exit(1, now_);
    ASSERT_EQ(supervisor_.next_time(), now_ + delay);
    EXPECT_THAT(after(delay), ElementsAre(kLaunch1));
    (void)supervisor_.on_ready(1, now_);
    now_ += kSoundAfter - std::chrono::milliseconds{1};  // not quite sound
  }
  EXPECT_EQ(supervisor_.process(1).restarts, 10U);
}

TEST_F(SupervisorTest, SoundProcessBeginsAnew) {
  start_all();
  for (int i = 0; i < 5; ++i) {
    (void)supervisor_.on_exit(1, now_);
    (void)after(kMaxRestartDelay);
    (void)supervisor_.on_ready(1, now_);
  }
  now_ += kSoundAfter;
  (void)supervisor_.on_exit(1, now_);
  EXPECT_EQ(supervisor_.next_time(), now_ + kFirstRestartDelay);
}

TEST_F(SupervisorTest, LaterFailuresNeverEndToastd) {
  start_all();
  for (int i = 0; i < 100; ++i) {
    (void)supervisor_.on_exit(1, now_);
    EXPECT_THAT(after(kMaxRestartDelay), ElementsAre(kLaunch1));
  }
  EXPECT_FALSE(supervisor_.stopping());
}

TEST_F(SupervisorTest, FirstStartGivesUpAfterAFewFailures) {
  (void)supervisor_.start();
  (void)supervisor_.on_ready(2, now_);
  for (unsigned i = 0; i + 1 < kMaxStartFailures; ++i) {
    EXPECT_THAT(supervisor_.on_exit(0, now_), IsEmpty());
    EXPECT_THAT(after(kMaxRestartDelay), ElementsAre(kLaunch0));
  }
  EXPECT_THAT(supervisor_.on_exit(0, now_), ElementsAre(kDrain2));
  EXPECT_EQ(supervisor_.culprit(), 0U);
  EXPECT_THAT(supervisor_.on_exit(2, now_), ElementsAre(kDrain1));  // was still starting
  EXPECT_THAT(supervisor_.on_exit(1, now_), ElementsAre(kFinish));
}

// --- stopping

TEST_F(SupervisorTest, StopsFrontEndsThenQueueThenKeepers) {
  start_all();
  EXPECT_THAT(supervisor_.stop(now_), ElementsAre(kDrain2));
  EXPECT_THAT(supervisor_.stop(now_), IsEmpty());
  EXPECT_THAT(supervisor_.on_exit(2, now_), ElementsAre(kDrain1));
  EXPECT_THAT(supervisor_.on_exit(1, now_), ElementsAre(kDrain0));
  EXPECT_THAT(supervisor_.on_exit(0, now_), ElementsAre(kFinish));
  EXPECT_EQ(supervisor_.next_time(), std::nullopt);
}

TEST_F(SupervisorTest, EachStageIsKilledAtItsDeadlineSoThatTheNextGetsItsTurn) {
  start_all();
  const SteadyTime begin = now_;
  (void)supervisor_.stop(now_);
  ASSERT_EQ(supervisor_.next_time(), begin + kStageDeadlines[0]);
  EXPECT_THAT(after(kStageDeadlines[0]), ElementsAre(kKill2));
  EXPECT_THAT(supervisor_.on_time(now_), IsEmpty());  // once
  EXPECT_THAT(supervisor_.on_exit(2, now_), ElementsAre(kDrain1));
  ASSERT_EQ(supervisor_.next_time(), begin + kStageDeadlines[1]);
  EXPECT_THAT(after(kStageDeadlines[1] - kStageDeadlines[0]), ElementsAre(kKill1));
  EXPECT_THAT(supervisor_.on_exit(1, now_), ElementsAre(kDrain0));
  EXPECT_THAT(after(kStageDeadlines[2] - kStageDeadlines[1]), ElementsAre(kKill0));
  EXPECT_EQ(now_, begin + std::chrono::seconds{10});  // the instance contract
  EXPECT_THAT(supervisor_.on_exit(0, now_), ElementsAre(kFinish));
}

TEST_F(SupervisorTest, NothingIsRestartedWhileStopping) {
  start_all();
  (void)supervisor_.on_exit(0, now_);  // waits for its restart
  EXPECT_THAT(supervisor_.stop(now_), ElementsAre(kDrain2));
  EXPECT_THAT(supervisor_.on_exit(1, now_), IsEmpty());  // the queue crashes out of turn
  EXPECT_THAT(after(std::chrono::seconds{1}), IsEmpty());
  EXPECT_THAT(supervisor_.on_exit(2, now_), ElementsAre(kFinish));
}

TEST_F(SupervisorTest, ReadyWhileBeingDrainedChangesNothing) {
  (void)supervisor_.start();
  (void)supervisor_.on_ready(0, now_);
  (void)supervisor_.on_ready(1, now_);
  EXPECT_THAT(supervisor_.stop(now_), ElementsAre(kDrain2));
  EXPECT_THAT(supervisor_.on_ready(2, now_), IsEmpty());
  EXPECT_EQ(supervisor_.process(2).state, ProcessState::draining);
}

TEST_F(SupervisorTest, SecondStopSignalKillsAllThatIsLeft) {
  start_all();
  (void)supervisor_.stop(now_);
  (void)supervisor_.on_exit(2, now_);
  EXPECT_THAT(supervisor_.stop_at_once(), ElementsAre(kKill0, kKill1));
}

TEST(SupervisorWithoutFrontEnds, StillStops) {
  Supervisor supervisor({Stage::keepers});
  (void)supervisor.start();
  const SteadyTime now{std::chrono::hours{1}};
  EXPECT_THAT(supervisor.stop(now), ElementsAre(kDrain0));
  EXPECT_THAT(supervisor.on_exit(0, now), ElementsAre(kFinish));
}

}  // namespace
}  // namespace toast::master
