// How many messages a second the journal takes, and how fast it starts: journal_bench DIRECTORY
// (empty; on the file system to be measured). Waiters are threads with one message of 4 KB in hand
// each, as SMTP sessions are; a committer takes all that wait. Each message is also finished, so
// that segments are recycled. Then a queue of many recipients is made and opened again.
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "mta/queue/journal/journal.h"

namespace {

using namespace toast;
using namespace toast::queue;
using Seconds = std::chrono::duration<double>;

constexpr std::size_t kBodyBytes = 4096;
constexpr Seconds kRunFor{3};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Accepted message(std::uint64_t id, std::size_t size) {
  Accepted accepted;
  accepted.id = MessageId(id);
  Envelope envelope;
  envelope.reverse_path = "sender@example.net";
  envelope.recipients.push_back({"somebody@example.org", "somebody@example.org", "", 0});
  envelope.peer = "192.0.2.7";
  envelope.helo = "client.example.net";
  accepted.envelope = envelope;
  accepted.body = InlineBody{std::string(size, 'x')};
  return accepted;
}

// Those who wait, and the one who commits for all of them.
class GroupCommit {
 public:
  explicit GroupCommit(Journal& journal) : journal_(journal) {}

  void submit(Record record) {
    std::unique_lock lock(mutex_);
    waiting_.push_back(std::move(record));
    const std::uint64_t mine = ++submitted_;
    wake_committer_.notify_one();
    wake_waiters_.wait(lock, [&] { return committed_ >= mine; });
  }

  void run() {
    std::vector<Record> batch;
    for (;;) {
      {
        std::unique_lock lock(mutex_);
        wake_committer_.wait(lock, [&] { return !waiting_.empty() || stopped_; });
        if (waiting_.empty()) return;
        batch.swap(waiting_);
      }
      const std::size_t accepted = batch.size();
      for (const MessageId id : delivered_) batch.emplace_back(Finished{id});
      delivered_.clear();
      if (const auto done = journal_.commit(batch); !done) {
        std::fprintf(stderr, "%s\n", done.error().detail.c_str());
        std::exit(1);
      }
      for (std::size_t i = 0; i < accepted; ++i)
        delivered_.push_back(std::get<Accepted>(batch[i]).id);
      batch.clear();
      {
        const std::lock_guard lock(mutex_);
        committed_ += accepted;
      }
      wake_waiters_.notify_all();
      journal_.maintain();
    }
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    wake_committer_.notify_one();
  }

 private:
  Journal& journal_;
  std::mutex mutex_;
  std::condition_variable wake_committer_, wake_waiters_;
  std::vector<Record> waiting_;
  std::vector<MessageId> delivered_;
  std::uint64_t submitted_ = 0, committed_ = 0;
  bool stopped_ = false;
};

void measure_commits(Journal& journal, unsigned waiters, std::atomic<std::uint64_t>& next_id) {
  GroupCommit group(journal);
  std::thread committer([&group] { group.run(); });
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> messages = 0;
  const JournalStatus before = journal.status();
  const double cpu_before = cpu_seconds();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < waiters; ++i)
    threads.emplace_back([&] {
      while (!stop) {
        group.submit(message(next_id++, kBodyBytes));
        ++messages;
      }
    });
  std::this_thread::sleep_for(kRunFor);
  stop = true;
  for (std::thread& thread : threads) thread.join();
  const double seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  group.stop();
  committer.join();
  const JournalStatus after = journal.status();
  const auto count = static_cast<double>(messages);
  std::printf("%3u waiters: %7.0f messages/s, %6.1f per fdatasync, %5.1f us CPU each\n", waiters,
              count / seconds, count / static_cast<double>(after.syncs - before.syncs),
              (cpu_seconds() - cpu_before) * 1e6 / count);
}

void measure_start(Disk& disk, const Clock& clock, Random& random, std::unique_ptr<Journal> journal,
                   std::uint64_t messages, std::uint64_t first_id) {
  std::vector<Record> batch;
  for (std::uint64_t i = 0; i < messages; ++i) {
    batch.emplace_back(message(first_id + i, 300));
    if (batch.size() < 500) continue;
    if (!journal->commit(batch)) std::exit(1);
    batch.clear();
    while (journal->maintain()) {
    }
  }
  const std::uint64_t checkpoints = journal->status().checkpoint_number;
  journal.reset();
  const auto begin = std::chrono::steady_clock::now();
  const auto opened = Journal::open(disk, clock, random);
  if (!opened) std::exit(1);
  const double seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  std::printf("start: %zu recipients in %.2f s (%llu checkpoints, %llu records replayed)\n",
              opened->live.size(), seconds, static_cast<unsigned long long>(checkpoints),
              static_cast<unsigned long long>(opened->report.records));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: journal_bench EMPTY-DIRECTORY\n");
    return 2;
  }
  const SystemClock clock;
  SystemRandom random;
  auto disk = RealDisk::open_directory(argv[1]);
  if (!disk) {
    std::fprintf(stderr, "%s\n", disk.error().detail.c_str());
    return 1;
  }
  auto opened = Journal::open(**disk, clock, random);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().detail.c_str());
    return 1;
  }
  std::atomic<std::uint64_t> next_id = opened->journal->newest_id().value() + 1;
  while (opened->journal->maintain()) {
  }
  for (const unsigned waiters : {1U, 8U, 64U, 200U})
    measure_commits(*opened->journal, waiters, next_id);
  measure_start(**disk, clock, random, std::move(opened->journal), 1'000'000, next_id);
  return 0;
}
