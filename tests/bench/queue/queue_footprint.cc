// Where the bytes of a queued message with one recipient are, and what a start spends its time on:
// a queue is made in an empty directory and opened again, part by part.
//   queue_footprint DIRECTORY MESSAGES
#include <malloc.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "mta/queue/journal/journal.h"
#include "mta/queue/queued_message.h"
#include "mta/queue/scheduler.h"

namespace {

using namespace toast;
using namespace toast::queue;

constexpr unsigned kDomains = 1000;
constexpr std::size_t kBodyBytes = 500;
constexpr std::size_t kBatch = 500;

Accepted message(std::uint64_t number, MessageId id, WallTime now) {
  Envelope envelope;
  envelope.reverse_path = "sender@client.test";
  const std::string domain = "d" + std::to_string(number % kDomains) + ".live.test";
  envelope.recipients.push_back({"r" + std::to_string(number) + "@" + domain, {}, {}, 0});
  envelope.peer = "127.0.0.1";
  envelope.helo = "client.test";
  Accepted accepted;
  accepted.id = id;
  accepted.arrival = now;
  accepted.envelope = envelope;
  accepted.body = InlineBody{std::string(kBodyBytes, 'x')};
  return accepted;
}

// Says what has become of memory and of the processor since the last one.
class Meter {
 public:
  explicit Meter(std::uint64_t messages) : messages_(messages) { read(); }
  void report(const char* what) {
    const auto [bytes, seconds] = std::pair(bytes_, seconds_);
    read();
    std::printf("%-28s %7.1f bytes a message, %6.2f s\n", what,
                (bytes_ - bytes) / static_cast<double>(messages_), seconds_ - seconds);
  }

 private:
  void read() {
    const auto heap = ::mallinfo2();
    // What malloc gives is 8 bytes less than what it takes; uordblks counts what it takes.
    bytes_ = static_cast<double>(heap.uordblks) + static_cast<double>(heap.hblkhd);
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    seconds_ = seconds(used.ru_utime) + seconds(used.ru_stime);
  }
  std::uint64_t messages_;
  double bytes_ = 0;
  double seconds_ = 0;
};

template <class T>
T checked(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "%s\n", result.error().detail.c_str());
  std::exit(1);
}

void fill(Journal& journal, const Clock& clock, std::uint64_t messages) {
  MessageIdSource ids(clock, 0);
  std::vector<Record> batch;
  for (std::uint64_t i = 0; i < messages; ++i) {
    batch.emplace_back(message(i, ids.next(), clock.wall()));
    if (batch.size() < kBatch && i + 1 < messages) continue;
    if (!journal.commit(batch)) std::exit(1);
    batch.clear();
    while (journal.maintain()) {
    }
  }
}

// Into the schedule, and on to their destinations, as the ledger does.
void schedule(Scheduler& scheduler, const MessageTable& table, Moment now) {
  for (const auto& [id, queued] : table)
    scheduler.add(id, queued->birth(),
                  std::hash<std::string_view>{}(queued->envelope.reverse_path()), 1);
  while (const std::optional<Work> work = scheduler.next(now)) {
    const std::string_view address = table.find(work->message)->second->recipient(0).address;
    scheduler.to_destination(*work, address.substr(address.find('@') + 1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: queue_footprint EMPTY-DIRECTORY MESSAGES\n");
    return 2;
  }
  const SystemClock clock;
  SystemRandom random;
  auto disk = checked(RealDisk::open_directory(argv[1]));
  const std::uint64_t messages = std::strtoull(argv[2], nullptr, 10);
  {
    auto made = checked(Journal::open(*disk, clock, random));
    Meter meter(messages);
    fill(*made.journal, clock, messages);
    meter.report("journal, while it is filled");
  }
  ::malloc_trim(0);
  Meter meter(messages);
  auto opened = checked(Journal::open(*disk, clock, random));
  meter.report("journal, and list of all");
  MessageTable table;
  for (const MessageState& state : opened.live) table.insert({state.id, message_from(state)});
  meter.report("queue");
  opened.live = {};
  meter.report("list of all goes");
  Scheduler scheduler({1, std::chrono::hours(24 * 7), {}});
  schedule(scheduler, table, std::chrono::floor<std::chrono::seconds>(clock.wall()));
  meter.report("schedule");
  return 0;
}
