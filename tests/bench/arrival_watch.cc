// Says when mail has been delivered: watches the new/ directories named in a file (one a line) with
// inotify, prints "ready", counts files that appear there, and after `count` of them (or after
// `seconds` without any) prints the number seen and the CLOCK_MONOTONIC nanoseconds of the last
// one.
//   arrival_watch DIRECTORIES COUNT SECONDS
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>

namespace {

std::uint64_t now_ns() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(t.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: arrival_watch DIRECTORIES COUNT SECONDS\n");
    return 2;
  }
  const std::uint64_t expected = std::strtoull(argv[2], nullptr, 10);
  const int patience_ms = std::atoi(argv[3]) * 1000;
  const int watch = ::inotify_init1(IN_CLOEXEC);
  std::ifstream list(argv[1]);
  std::string directory;
  while (std::getline(list, directory)) {
    // A file comes into new/ by rename or by link.
    if (::inotify_add_watch(watch, directory.c_str(), IN_MOVED_TO | IN_CREATE) < 0) {
      std::perror(directory.c_str());
      return 1;
    }
  }
  std::printf("ready\n");
  std::fflush(stdout);
  std::uint64_t seen = 0;
  std::uint64_t last = now_ns();
  alignas(inotify_event) char buffer[256 * 1024];
  while (seen < expected) {
    pollfd readable{watch, POLLIN, 0};
    if (::poll(&readable, 1, patience_ms) <= 0) break;
    const ssize_t n = ::read(watch, buffer, sizeof buffer);
    last = now_ns();
    for (ssize_t at = 0; at < n;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      if ((event->mask & IN_Q_OVERFLOW) != 0) std::fprintf(stderr, "inotify overflowed\n");
      ++seen;
      at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    }
  }
  std::printf("%llu %llu\n", static_cast<unsigned long long>(seen),
              static_cast<unsigned long long>(last));
  return 0;
}
