// How many deliveries a second, at what latency and CPU: 4 KB messages into many Maildirs, every
// step synced, `in-flight` of them at a time.
//   maildir_delivery_bench DIR [maildirs 1000] [messages 10000] [in-flight 64] [threads 32] [batch
//   4]
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <semaphore>
#include <string>
#include <vector>

#include "vdomain/maildir/delivery_pool.h"

namespace {

using namespace toast;
using namespace toast::maildir;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kBody = 4096;

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

DeliveryJob job_number(std::uint64_t n, std::size_t maildirs, const std::string& instance,
                       std::int64_t now) {
  const std::size_t box = (n * 2654435761U >> 8U) % maildirs;
  const Address address = *Address::parse("user" + std::to_string(box) + "@example.org");
  std::string path = "d" + std::to_string(box % 100) + ".example/u" + std::to_string(box);
  DeliveryKey key{instance, MessageId(n << 13U), 0, 0, address.str(), now};
  std::string body = "Received: from client.example by mx.example; now\nSubject: bench\n\n";
  while (body.size() < kBody)
    body += "The quick brown fox jumps over the lazy dog, again and again.\n";
  body.resize(kBody);
  return {std::move(key), *MaildirPath::parse(path), address, {}, address,
          address,        std::move(body),           Fd(),    0};
}

struct Run {
  std::size_t maildirs, messages, in_flight, threads, batch;
};

void report(const Run& run, double seconds, double cpu, std::vector<double>& latencies,
            std::size_t failures) {
  std::sort(latencies.begin(), latencies.end());
  std::printf(
      "maildirs=%zu in-flight=%zu threads=%zu batch=%zu: %.0f/s, cpu %.0f us each, "
      "latency p50 %.2f p99 %.2f ms, failed %zu\n",
      run.maildirs, run.in_flight, run.threads, run.batch,
      static_cast<double>(run.messages) / seconds, cpu * 1e6 / static_cast<double>(run.messages),
      latencies[latencies.size() / 2] * 1e3, latencies[latencies.size() * 99 / 100] * 1e3,
      failures);
}

void bench(const Run& run, const char* directory) {
  SystemClock clock;
  FileSystem files;
  Fd root = std::move(*open_file(directory, O_RDONLY | O_DIRECTORY));
  MailStore store(std::move(root), files, clock, 4096);
  QuotaGate quota(files, clock, nullptr);
  Deliverer deliverer(store, MessageNamer("mx.example.org"), quota, clock);
  const std::string instance =
      (std::to_string(unix_microseconds(clock.wall())) + std::string(16, 'i')).substr(0, 16);
  for (std::size_t box = 0; box < run.maildirs; ++box)
    (void)store.open_or_create(
        *MaildirPath::parse("d" + std::to_string(box % 100) + ".example/u" + std::to_string(box)));
  ::sync();
  std::counting_semaphore<> slots(static_cast<std::ptrdiff_t>(run.in_flight));
  std::mutex mutex;
  std::vector<double> latencies;
  std::atomic<std::size_t> failures = 0;
  const double cpu_before = cpu_seconds();
  const auto began = Steady::now();
  {
    DeliveryPool pool(deliverer, run.threads, run.batch);
    for (std::size_t n = 0; n < run.messages; ++n) {
      auto delivery = std::make_unique<Delivery>(
          job_number(n, run.maildirs, instance, unix_seconds(clock.wall()) + 3));
      slots.acquire();
      delivery->report = [&, submitted = Steady::now()](std::unique_ptr<Delivery> done) {
        const double took = std::chrono::duration<double>(Steady::now() - submitted).count();
        if (done->failed && failures++ == 0)
          std::fprintf(stderr, "%s\n", done->failed->detail.c_str());
        {
          const std::lock_guard lock(mutex);
          latencies.push_back(took);
        }
        slots.release();
      };
      pool.submit(std::move(delivery));
    }
  }
  const double seconds = std::chrono::duration<double>(Steady::now() - began).count();
  report(run, seconds, cpu_seconds() - cpu_before, latencies, failures);
}

std::size_t argument(int argc, char** argv, int position, std::size_t otherwise) {
  return argc > position ? std::strtoull(argv[position], nullptr, 10) : otherwise;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s DIR [maildirs] [messages] [in-flight] [threads] [batch]\n",
                 argv[0]);
    return 1;
  }
  ::mkdir(argv[1], 0700);
  const rlimit descriptors{20000, 20000};
  ::setrlimit(RLIMIT_NOFILE, &descriptors);
  const Run run{argument(argc, argv, 2, 1000), argument(argc, argv, 3, 10000),
                argument(argc, argv, 4, 64), argument(argc, argv, 5, 32),
                argument(argc, argv, 6, 4)};
  bench(run, argv[1]);
  return 0;
}
