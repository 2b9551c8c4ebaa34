// Thirty days of a queue with other hosts in it: hosts that come and go, greylist, refuse, stall;
// processes that die, restarts in which all memory of the scheduler is lost. What is promised, for
// thousands of such histories:
//   every recipient ends, delivered or given back to its sender, or is still in the queue;
//   nothing is tried early, twice at a time, or by more at a time than is allowed;
//   a destination that is down costs its probes and nothing else;
//   nobody is forgotten: all is over soon after the lifetime, whatever the hosts do.
// TOAST_HISTORIES and TOAST_SEED set the number and the first seed.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "mta/queue/scheduler.h"

namespace toast::queue {
namespace {

using std::chrono::seconds;
using Target = std::pair<std::uint64_t, std::uint32_t>;

constexpr seconds kLifetime{7 * 86400};
const Moment kStart{seconds{1'800'000'000}};
const Moment kEnd = kStart + std::chrono::days{30};
constexpr std::uint32_t kHops = 6;  // the last one never answers

struct Open {
  Moment birth;
  std::uint64_t sender = 0;
  std::uint32_t hop = 0;  // 0: a mailbox here
  Moment not_before;      // of the next attempt; epoch: at once
  bool tried = false;
};

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed) {
    limits_.concurrency = 1 + pick(20);
    limits_.lifetime = kLifetime;
    limits_.remote = {1 + pick(30), 1 + pick(10)};
    for (std::uint32_t hop = 1; hop < kHops; ++hop)  // outages of an hour to four days
      for (Moment at = kStart + seconds{pick(500'000)}; at < kEnd; at += seconds{pick(900'000)}) {
        const Moment until = at + seconds{3600 + pick(340'000)};
        outages_[hop].emplace_back(at, until);
        at = until;
      }
    restart();
  }

  void live() {
    while (now_ < kEnd && !testing::Test::HasFailure()) {
      if (pick(3) == 0) arrive();
      if (pick(150) == 0) restart();
      turn();
      now_ += seconds{pick(4) == 0 ? pick(30'000) : pick(600)};
    }
  }
  // No new mail, the hosts as they are: everything is over in time.
  void run_out() {
    // More for the dead host than there are probes in all that time.
    for (int i = 0; i < 400; ++i) {
      open_[{++last_id_, 0}] = Open{now_, 1, kHops, {}, false};
      scheduler_->add(MessageId(last_id_), now_, 1, 1);
    }
    const Moment last = now_ + kLifetime + std::chrono::hours{12};
    while (!open_.empty() && !testing::Test::HasFailure()) {
      ASSERT_LT(now_, last) << open_.size() << " recipients are forgotten";
      turn();
      now_ += seconds{600};
    }
  }
  std::uint64_t probes_of_the_dead() const { return dead_tries_; }
  std::uint64_t ended() const { return ended_; }

 private:
  std::uint32_t pick(std::uint32_t end) { return static_cast<std::uint32_t>(random_() % end); }

  bool is_up(std::uint32_t hop) const {
    if (hop == kHops) return false;
    const auto found = outages_.find(hop);
    if (found == outages_.end()) return true;
    for (const auto& [from, until] : found->second)
      if (from <= now_ && now_ < until) return false;
    return true;
  }

  void arrive() {
    const std::uint64_t id = ++last_id_;
    const std::uint64_t sender = 1 + pick(4);
    const std::uint32_t recipients = pick(10) == 0 ? 1 + pick(150) : 1 + pick(4);
    const bool one_hop = pick(2) == 0;
    const std::uint32_t hop = pick(kHops + 1);
    for (std::uint32_t r = 0; r < recipients; ++r)
      open_[{id, r}] = Open{now_, sender, one_hop ? hop : pick(kHops + 1), {}, false};
    scheduler_->add(MessageId(id), now_, sender, recipients);
  }

  void restart() {
    scheduler_ = std::make_unique<Scheduler>(limits_);
    probes_.clear();
    in_hand_.clear();
    batches_.clear();
    std::map<std::uint64_t, std::pair<std::vector<std::uint32_t>, std::vector<Waiting>>> found;
    for (const auto& [target, item] : open_) {
      if (item.tried)
        found[target.first].second.push_back({target.second, item.not_before, false});
      else
        found[target.first].first.push_back(target.second);
    }
    for (const auto& [id, parts] : found) {
      const Open& any = open_.lower_bound({id, 0})->second;
      scheduler_->add(MessageId(id), any.birth, any.sender, parts.first, parts.second);
    }
  }

  void turn() {
    finish_batches();
    for (bool more = true; more && !testing::Test::HasFailure();) {
      more = start_local();
      more = start_remote() || more;
    }
    check_counts();
  }

  void take(const Work& work) {
    const Target target{work.message.value(), work.recipient};
    ASSERT_TRUE(open_.contains(target)) << "it had ended";
    ASSERT_TRUE(in_hand_.insert(target).second) << "twice at a time";
    const Open& item = open_.at(target);
    ASSERT_LE(item.not_before, now_) << "tried early";
    ASSERT_EQ(work.last, now_ > item.birth + kLifetime);
    ASSERT_EQ(work.fresh, !item.tried);
  }

  bool start_local() {
    const std::optional<Work> work = scheduler_->next(now_);
    if (!work) return false;
    take(*work);
    if (testing::Test::HasFailure()) return false;
    const Target target{work->message.value(), work->recipient};
    const Open& item = open_.at(target);
    if (item.hop != 0) {
      in_hand_.erase(target);
      scheduler_->to_destination(*work, "hop" + std::to_string(item.hop));
    } else if (pick(50) == 0) {
      in_hand_.erase(target);
      open_.at(target).not_before = {};
      scheduler_->given_back(*work);
      return false;  // it would come again at once
    } else {
      settle(*work, pick(10) == 0);
    }
    return true;
  }

  bool start_remote() {
    std::optional<RemoteWork> batch = scheduler_->next_remote(now_);
    if (!batch) return false;
    EXPECT_LE(batch->works.size(), kMaxBatch);
    std::set<std::uint32_t> recipients;
    for (const Work& work : batch->works) {
      take(work);
      EXPECT_EQ(work.channel, Channel::remote);
      EXPECT_TRUE(recipients.insert(work.recipient).second);
      EXPECT_EQ("hop" + std::to_string(open_.at({work.message.value(), work.recipient}).hop),
                batch->next_hop);
    }
    if (batch->given_up) {
      for (const Work& work : batch->works) {
        EXPECT_TRUE(work.last) << "given up before its time";
        settle(work, true);
      }
      scheduler_->batch_over(*batch, Contact::unknown, "", now_);
      return true;
    }
    if (batch->next_hop == "hop" + std::to_string(kHops)) ++dead_tries_;
    if (const auto probe = probes_.find(batch->next_hop); probe != probes_.end())
      EXPECT_GE(now_, probe->second.due) << "a probe that came early";
    batches_.push_back(std::move(*batch));
    EXPECT_LE(batches_.size(), limits_.remote.concurrency);
    const auto same = std::ranges::count(batches_, batches_.back().next_hop, &RemoteWork::next_hop);
    EXPECT_LE(same, limits_.remote.per_destination);
    return true;
  }

  // Some transactions take until a later turn.
  void finish_batches() {
    std::vector<RemoteWork> stalled;
    for (RemoteWork& batch : std::exchange(batches_, {})) {
      if (pick(5) == 0) {
        stalled.push_back(std::move(batch));
        continue;
      }
      if (pick(60) == 0) {  // remoted died
        for (const Work& work : batch.works) {
          in_hand_.erase({work.message.value(), work.recipient});
          scheduler_->given_back(work, batch);
        }
        over(batch, Contact::unknown);
        continue;
      }
      const std::uint32_t hop = open_.at({batch.message.value(), batch.works[0].recipient}).hop;
      const bool up = is_up(hop);
      for (const Work& work : batch.works) settle(work, !up || pick(8) == 0);
      over(batch, up ? Contact::reached : Contact::unreachable);
    }
    for (RemoteWork& batch : stalled) batches_.push_back(std::move(batch));
  }

  // The end of a transaction, and what is known of its destination after it.
  void over(const RemoteWork& batch, Contact contact) {
    const auto state = [&] { return scheduler_->destinations().find(batch.next_hop); };
    const std::optional<Destinations::State> before = state();
    ASSERT_TRUE(before);
    scheduler_->batch_over(batch, contact, "no answer", now_);
    const std::optional<Destinations::State> after = state();
    const bool down = after && after->down;
    if (contact == Contact::reached) {
      EXPECT_FALSE(down) << "it answered";
    } else if (contact == Contact::unknown) {
      EXPECT_EQ(down, before->down) << "nothing was learned";
      if (down) EXPECT_LE(after->probe_at, std::max(before->probe_at, now_ + 2 * kUnclearPause));
    }
    if (!down) {
      probes_.erase(batch.next_hop);
      return;
    }
    EXPECT_GT(after->probe_at, now_) << "a probe that may begin at once";
    Probe& probe = probes_[batch.next_hop];
    probe.due = after->probe_at;
    if (contact != Contact::unreachable || before->probe_at == after->probe_at) return;
    probe.failed = before->down ? probe.failed + 1 : 1;
    const seconds pause = pause_after(probe.failed);
    EXPECT_GE(probe.due, now_ + pause);
    EXPECT_LE(probe.due, now_ + pause + pause / kPauseSpread);
  }

  void settle(const Work& work, bool fails_for_now) {
    const Target target{work.message.value(), work.recipient};
    in_hand_.erase(target);
    if (!fails_for_now || work.last) {
      scheduler_->ended(work);
      open_.erase(target);
      ++ended_;
      return;
    }
    Open& item = open_.at(target);
    const std::int64_t skip = work.channel == Channel::local ? kLocalSkip : kRemoteSkip;
    item.tried = true;
    item.not_before = scheduler_->deferred(work, now_);
    EXPECT_EQ(item.not_before, retry_at(item.birth, now_, skip));
  }

  void check_counts() {
    const Scheduler::Counts& counts = scheduler_->counts();
    ASSERT_EQ(counts.in_hand, 0U);
    ASSERT_EQ(counts.in_hand_remote, in_hand_.size());
    ASSERT_EQ(counts.fresh + counts.deferred + counts.in_hand_remote +
                  scheduler_->destinations().waiting(),
              open_.size());
  }

  std::mt19937_64 random_;
  Scheduler::Limits limits_;
  std::unique_ptr<Scheduler> scheduler_;
  Moment now_ = kStart;
  std::uint64_t last_id_ = 0;
  std::uint64_t dead_tries_ = 0;
  std::uint64_t ended_ = 0;
  std::map<std::uint32_t, std::vector<std::pair<Moment, Moment>>> outages_;
  std::map<Target, Open> open_;
  std::set<Target> in_hand_;
  std::vector<RemoteWork> batches_;
  struct Probe {
    unsigned failed = 0;  // in a row
    Moment due;
  };
  std::map<std::string, Probe> probes_;  // of the hops that are known to be down
};

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(FaultHistories, EveryRecipientEndsAndNobodyIsTriedEarly) {
  const std::uint64_t first = number_from("TOAST_SEED", 1);
  const std::uint64_t histories = number_from("TOAST_HISTORIES", 500);
  std::uint64_t ended = 0;
  for (std::uint64_t seed = first; seed < first + histories; ++seed) {
    SCOPED_TRACE("TOAST_SEED=" + std::to_string(seed));
    World world(seed);
    world.live();
    world.run_out();
    ended += world.ended();
    // At most one an hour after the first day's, over 30 days and the week after, and what the
    // restarts, which forget that it is down, and the probes that remoted died over cost.
    EXPECT_LT(world.probes_of_the_dead(), 40U * 24U + 400U);
    if (HasFailure()) break;
  }
  std::printf("%llu histories, %llu recipients\n", static_cast<unsigned long long>(histories),
              static_cast<unsigned long long>(ended));
}

}  // namespace
}  // namespace toast::queue
