// A run that takes messages over, on a disk whose calls fail in turn and with a queued that goes
// away in turn. What is promised: whatever failed, the next run completes it; no message is lost,
// none is delivered twice.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "admin-cli/take_over.h"
#include "tests/unit/queue/faulty_disk.h"

namespace toast::admin {
namespace {

using queue::Fault;
using queue::Faults;
using takeover::TakenList;

// toast-queued as takeover_messages.h has it: what is confirmed is delivered and forgotten at once,
// the worst that can happen to a message whose line is missing.
struct FakeQueued {
  std::set<MessageId> held;
  std::map<MessageId, int> delivered;
  int calls_left = -1;  // then it is away; negative: never
};

class FakeTaker final : public Taker {
 public:
  explicit FakeTaker(FakeQueued& queued) : queued_(queued) {}
  Result<Verdict> hand_over(const TakenMessage& message) override {
    if (Result<void> there = call(); !there) return pass(there);
    if (queued_.held.contains(message.head.id)) return Verdict::is_here;
    queued_.held.insert(message.head.id);
    // The answer may get lost after the message got there.
    if (Result<void> there = call(); !there) return pass(there);
    return Verdict::wanted;
  }
  Result<void> confirm(MessageId id) override {
    if (Result<void> there = call(); !there) return there;
    if (queued_.held.erase(id) > 0) ++queued_.delivered[id];
    return call();
  }
  Result<void> settle() override { return call(); }

 private:
  Result<void> call() {
    if (queued_.calls_left > 0) --queued_.calls_left;
    if (queued_.calls_left == 0) return transient("toast-queued is not running");
    return {};
  }
  FakeQueued& queued_;
};

class NoTerminal final : public Terminal {
 public:
  bool is_interactive() const override { return false; }
  std::optional<std::string> ask(const std::string&) override { return std::nullopt; }
  Wanted<Secret> ask_secret(const std::string&) override {
    return fail(Exit::usage, "no_terminal", "no terminal");
  }
  Wanted<std::string> read_input(std::size_t) override { return std::string(); }
  Wanted<std::string> read_more() override { return std::string(); }
};

class RunFaultsTest : public testing::Test {
 protected:
  RunFaultsTest() {
    char name[] = "/tmp/toast-run-XXXXXX";
    directory_ = ::mkdtemp(name);
  }
  ~RunFaultsTest() override { std::filesystem::remove_all(directory_); }

  Result<TakenList> open_list() {
    queue::FaultyDisk disk(*queue::RealDisk::open_folder(directory_, true), faults_);
    Result<std::unique_ptr<queue::DiskFile>> file =
        std::filesystem::exists(directory_ + "/list") ? disk.open("list") : disk.create("list");
    if (!file) return pass(file);
    return TakenList::load(std::move(*file), "list");
  }
  // As `toastctl import`. True: all is done, as far as it knows.
  bool run() {
    Result<TakenList> list = open_list();
    if (!list) return false;
    TakeOverRun run(context_, "imported", std::move(*list), std::make_unique<FakeTaker>(queued_));
    for (std::uint64_t id = 1; id <= kMessages; ++id) {
      TakenMessage message;
      message.head.id = MessageId(id);
      if (!run.take(std::to_string(id), "note", "identity", std::move(message))) return false;
    }
    const Outcome end = run.finish("queue");
    return end && *end == Exit::done;
  }
  void start_anew() {
    std::filesystem::remove(directory_ + "/list");
    queued_ = {};
  }
  void expect_each_once() {
    EXPECT_TRUE(queued_.held.empty());
    EXPECT_EQ(queued_.delivered.size(), kMessages);
    for (const auto& [id, times] : queued_.delivered) EXPECT_EQ(times, 1) << id.str();
  }

  static constexpr std::uint64_t kMessages = 4;
  std::string directory_;
  Faults faults_;
  FakeQueued queued_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> nowhere_{std::fopen("/dev/null", "w"),
                                                           &std::fclose};
  Output output_{nowhere_.get(), nowhere_.get()};
  NoTerminal terminal_;
  SystemClock clock_;
  SeededRandom random_{1};
  Context context_{output_, terminal_, clock_, random_};
};

TEST_F(RunFaultsTest, AnyCallOfTheListMayFail) {
  int failed = 0;
  for (const Fault& fault : queue::kFaults) {
    for (int n = 1;; ++n) {
      SCOPED_TRACE(testing::Message() << "call " << n << ": " << fault.name);
      ASSERT_LT(n, 100);
      start_anew();
      faults_.arm(fault, n);
      const bool done = run();
      const bool hit = faults_.hits() > 0;
      EXPECT_EQ(done, !hit);
      // Again on the same disk, then on one that was mended.
      if (hit) failed += run() ? 0 : 1;
      faults_.disarm();
      EXPECT_TRUE(run());
      expect_each_once();
      EXPECT_TRUE(run()) << "and once more";
      expect_each_once();
      if (!hit) break;
    }
  }
  EXPECT_GT(failed, 20);
}

TEST_F(RunFaultsTest, QueuedMayGoAwayAtAnyMoment) {
  for (int calls = 1;; ++calls) {
    SCOPED_TRACE(calls);
    ASSERT_LT(calls, 100);
    start_anew();
    queued_.calls_left = calls;
    const bool done = run();
    queued_.calls_left = -1;
    EXPECT_TRUE(run());
    expect_each_once();
    if (done) break;
  }
}

}  // namespace
}  // namespace toast::admin
