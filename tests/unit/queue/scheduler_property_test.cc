// Random histories over simulated weeks: arrivals, successes, deferrals, work given back, a clock
// that is set back, and restarts in which all memory of the scheduler is lost.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <memory>
#include <random>

#include "mta/queue/scheduler.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using Target = std::pair<std::uint64_t, std::uint32_t>;

constexpr seconds kLifetime{604800};
const Moment kStart{seconds{1'800'000'000}};
const Moment kEnd = kStart + std::chrono::days{30};

struct Open {
  Moment birth;
  Moment due;  // epoch while never tried
  std::uint32_t attempts = 0;
};

// The scheduler under test beside a plain table of what must be true.
class World {
 public:
  World(std::uint32_t concurrency, std::uint64_t seed)
      : limits_{concurrency, kLifetime, {}}, random_(seed) {}

  // Below `end`. The generators of rapidcheck cost too much for one call per attempt.
  std::uint32_t pick(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }

  void arrive(std::uint64_t sender, std::uint32_t recipients) {
    const std::uint64_t id = ++last_id_;
    for (std::uint32_t r = 0; r < recipients; ++r) open_[{id, r}] = Open{now_, {}, 0};
    senders_[id] = sender;
    scheduler_->add(MessageId(id), now_, sender, recipients);
  }

  void start_all() {
    while (std::optional<Work> work = scheduler_->next(now_)) {
      const Target target{work->message.value(), work->recipient};
      RC_ASSERT(open_.contains(target));                  // nothing that ended comes again
      RC_ASSERT(in_hand_.emplace(target, *work).second);  // nothing twice at a time
      RC_ASSERT(in_hand_.size() <= limits_.concurrency);
      const Open& item = open_[target];
      RC_ASSERT(work->fresh == (item.attempts == 0));
      RC_ASSERT(work->last == (now_ > item.birth + kLifetime));
      RC_ASSERT(item.due <= now_);  // never early
    }
  }

  // `percent` of what is in hand fails temporarily, the rest ends.
  void finish_all(std::uint32_t percent) {
    auto in_hand = std::exchange(in_hand_, {});
    for (const auto& [target, work] : in_hand) {
      const bool fails = pick(100) < percent;
      if (!fails || work.last) {
        scheduler_->ended(work);
        open_.erase(target);
        continue;
      }
      if (pick(10) == 0) {
        scheduler_->given_back(work);
        open_[target].due = {};  // at once, wherever the clock goes
        continue;
      }
      Open& item = open_[target];
      ++item.attempts;
      item.due = scheduler_->deferred(work, now_);
      RC_ASSERT(item.due > now_);
      RC_ASSERT(item.due <= now_ + longest_wait(item.birth, now_, kLocalSkip));
    }
  }

  void pass(seconds by) { now_ += by; }
  void set_clock_back(seconds by) {
    now_ -= by;
    for (auto& [target, item] : open_)  // the promise: the smaller of stored and computed anew
      item.due = std::min(item.due, now_ + longest_wait(item.birth, now_, kLocalSkip));
  }

  void restart() {
    scheduler_ = std::make_unique<Scheduler>(limits_);
    in_hand_.clear();
    std::map<std::uint64_t, std::pair<std::vector<std::uint32_t>, std::vector<Waiting>>> found;
    std::map<std::uint64_t, Moment> births;
    for (const auto& [target, item] : open_) {
      births[target.first] = item.birth;
      if (item.attempts == 0)
        found[target.first].first.push_back(target.second);
      else
        found[target.first].second.push_back({target.second, item.due, false});
    }
    for (const auto& [id, parts] : found)
      scheduler_->add(MessageId(id), births[id], senders_[id], parts.first, parts.second);
  }

  // Nothing is due and untouched while slots are free.
  void check_nothing_forgotten() {
    const auto& counts = scheduler_->counts();
    RC_ASSERT(counts.in_hand == in_hand_.size());
    RC_ASSERT(counts.fresh + counts.deferred + counts.in_hand == open_.size());
    if (in_hand_.size() == limits_.concurrency) return;
    for (const auto& [target, item] : open_)
      RC_ASSERT(in_hand_.contains(target) || item.due > now_);
    if (counts.deferred > 0) RC_ASSERT(scheduler_->next_due().has_value());
  }

  Moment now() const { return now_; }
  bool empty() const { return open_.empty(); }
  std::optional<Moment> next_due() const { return scheduler_->next_due(); }
  bool idle() const { return in_hand_.empty(); }

 private:
  Scheduler::Limits limits_;
  std::unique_ptr<Scheduler> scheduler_ = std::make_unique<Scheduler>(limits_);
  std::mt19937_64 random_;
  Moment now_ = kStart;
  std::uint64_t last_id_ = 0;
  std::map<Target, Open> open_;
  std::map<Target, Work> in_hand_;
  std::map<std::uint64_t, std::uint64_t> senders_;
};

void live_through(World& world, bool clock_may_go_back) {
  const std::uint32_t steps = 20 + world.pick(100);
  const std::uint32_t failing = world.pick(100);
  for (std::uint32_t i = 0; i < steps && world.now() < kEnd; ++i) {
    switch (world.pick(8)) {
      case 0:
      case 1:
        world.arrive(1 + world.pick(4), 1 + world.pick(10));
        break;
      case 2:
        world.restart();
        break;
      case 3:
        if (clock_may_go_back) world.set_clock_back(seconds{3 + world.pick(200000)});
        break;
      default:
        world.pass(seconds{world.pick(50000)});
    }
    world.start_all();
    world.check_nothing_forgotten();
    world.finish_all(failing);
  }
}

// Runs the clock forward until nothing is open; every message must be over soon after its lifetime.
void run_out(World& world) {
  for (int guard = 0; !world.empty(); ++guard) {
    RC_ASSERT(guard < 100000);
    world.start_all();
    if (world.idle()) {
      RC_ASSERT(world.next_due().has_value());
      world.pass(std::max(seconds{1}, *world.next_due() - world.now()));
      continue;
    }
    world.finish_all(100);
  }
  RC_ASSERT(world.now() < kEnd + std::chrono::days{9});
}

TEST(SchedulerProperty, ThirtyDays) {
  EXPECT_TRUE(rc::check("every recipient is tried on time, once at a time, until it ends",
                        [](std::uint64_t seed) {
                          World world(*rc::gen::inRange(1U, 30U), seed);
                          live_through(world, false);
                          run_out(world);
                        }));
}

TEST(SchedulerProperty, ThirtyDaysWithAClockThatIsSetBack) {
  EXPECT_TRUE(
      rc::check("nothing waits for a future that the clock has left", [](std::uint64_t seed) {
        World world(*rc::gen::inRange(1U, 30U), seed);
        live_through(world, true);
        world.start_all();
        world.check_nothing_forgotten();
      }));
}

}  // namespace
}  // namespace toast::queue
