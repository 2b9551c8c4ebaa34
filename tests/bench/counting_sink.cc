// Takes all mail and counts it: an SMTP server on 0.0.0.0 and a free port, one thread.
//   counting_sink FILE
// Prints "port N" when it listens. FILE is mapped by whoever wants to look: messages, recipients,
// and the time (CLOCK_MONOTONIC, ns) of the last one, 64 bits each. At SIGTERM prints the first
// two.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

using namespace std::string_view_literals;

struct Counters {
  std::atomic<std::uint64_t> messages, recipients, last;
};

constexpr std::size_t kBlock = 64 * 1024;
constexpr std::string_view kEnd = "\r\n.\r\n";

std::uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

class Session {
 public:
  explicit Session(int fd, Counters& counters) : fd_(fd), counters_(counters) {
    say("220 sink.test ESMTP\r\n"sv);
    flush();
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { ::close(fd_); }

  // False: it is over.
  bool take(std::string_view bytes) {
    input_.append(bytes);
    std::string_view left = input_;
    while (!over_ && (in_data_ ? take_content(left) : take_command(left))) {
    }
    input_.erase(0, input_.size() - left.size());
    return flush() && !over_;
  }

 private:
  bool take_content(std::string_view& left) {
    if (left.starts_with(".\r\n") && at_start_) {
      left.remove_prefix(3);
    } else {
      const std::size_t at = left.find(kEnd);
      at_start_ = at_start_ && left.empty();
      if (at == std::string_view::npos) {
        const std::size_t keep = std::min(left.size(), kEnd.size() - 1);
        left.remove_prefix(left.size() - keep);
        return false;
      }
      left.remove_prefix(at + kEnd.size());
    }
    in_data_ = false;
    counters_.last = now();
    ++counters_.messages;
    counters_.recipients += recipients_;
    say("250 2.0.0 taken\r\n"sv);
    return true;
  }

  bool take_command(std::string_view& left) {
    const std::size_t at = left.find("\r\n");
    if (at == std::string_view::npos) return false;
    const std::string_view verb = left.substr(0, std::min<std::size_t>(at, 4));
    left.remove_prefix(at + 2);
    if (verb == "EHLO") {
      say("250-sink.test\r\n250-PIPELINING\r\n250-SIZE\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n"sv);
    } else if (verb == "RCPT") {
      ++recipients_;
      say("250 2.1.5 ok\r\n"sv);
    } else if (verb == "DATA") {
      in_data_ = at_start_ = true;
      say("354 go on\r\n"sv);
    } else if (verb == "QUIT") {
      over_ = true;
      say("221 2.0.0 bye\r\n"sv);
    } else {
      if (verb == "MAIL") recipients_ = 0;
      say("250 2.0.0 ok\r\n"sv);
    }
    return true;
  }

  void say(std::string_view text) { output_ += text; }
  // Replies are short and the other side reads them: a socket that takes none is an error.
  bool flush() {
    if (output_.empty()) return true;
    const ssize_t n = ::send(fd_, output_.data(), output_.size(), MSG_NOSIGNAL);
    const bool whole = n == static_cast<ssize_t>(output_.size());
    output_.clear();
    return whole;
  }

  int fd_;
  Counters& counters_;
  std::string input_, output_;
  std::uint64_t recipients_ = 0;
  bool in_data_ = false, at_start_ = false, over_ = false;
};

void watch(int poll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

int listen_anywhere() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(fd, generic, size) != 0 || ::listen(fd, 4096) != 0) std::perror("listen");
  ::getsockname(fd, generic, &size);
  std::printf("port %d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

void accept_all(int poll, int listener, std::unordered_map<int, Session>& sessions,
                Counters& counters) {
  const int on = 1;
  for (int fd = 0;
       (fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0;) {
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sessions.try_emplace(fd, fd, counters);
    watch(poll, fd);
  }
}

void serve(int signals, Counters& counters) {
  const int poll = ::epoll_create1(EPOLL_CLOEXEC);
  const int listener = listen_anywhere();
  watch(poll, signals);
  watch(poll, listener);
  std::unordered_map<int, Session> sessions;
  epoll_event events[256];
  static char block[kBlock];
  while (true) {
    const int count = ::epoll_wait(poll, events, 256, -1);
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == signals) return;
      if (fd == listener) {
        accept_all(poll, listener, sessions, counters);
        continue;
      }
      const ssize_t n = ::read(fd, block, sizeof block);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      const auto session = sessions.find(fd);
      if (n <= 0 || !session->second.take({block, static_cast<std::size_t>(n)}))
        sessions.erase(session);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: counting_sink FILE\n");
    return 2;
  }
  const int file = ::open(argv[1], O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0 || ::ftruncate(file, sizeof(Counters)) != 0) {
    std::perror(argv[1]);
    return 1;
  }
  void* map = ::mmap(nullptr, sizeof(Counters), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  auto& counters = *static_cast<Counters*>(map);
  sigset_t ends;
  ::sigemptyset(&ends);
  ::sigaddset(&ends, SIGTERM);
  ::sigaddset(&ends, SIGINT);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  serve(::signalfd(-1, &ends, SFD_CLOEXEC), counters);
  std::printf("%llu messages, %llu recipients\n",
              static_cast<unsigned long long>(counters.messages),
              static_cast<unsigned long long>(counters.recipients));
}
