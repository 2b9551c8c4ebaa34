// POP3 sessions over loopback, as fast as the server lets them; the load of pop3_bench.py and
// memory_bench.py.
//   pop3_load PORT CLIENTS SESSIONS USERS_FILE PASSWORD MODE [tls]
// tls: from the first byte (port 995), a whole handshake for each session
// login    USER PASS STAT QUIT; prints sessions/s
// listing  + LIST UIDL, one client; prints ms of each session
// idle     opens SESSIONS connections, each logged in before the next, prints "idle", waits for its
//          stdin to end
// burst    the same, but all log in at one moment
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/stream.h"

namespace {

using toast::bench::Stream;

class Client {
 public:
  Client(int port, bool with_tls) : stream_(port) {
    if (with_tls) stream_.begin_tls();
    line();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() = default;

  void command(const std::string& text) {
    send(text);
    const std::string got = line();
    if (!got.starts_with("+OK")) fail(got.c_str());
  }
  // Reads to the line with only a dot; looks at nothing but the end of what came, so that the time
  // is the server's.
  void listing(const std::string& text) {
    constexpr std::string_view kEnd = "\r\n.\r\n";
    command(text);
    while (!std::string_view(buffer_ + from_, to_ - from_).ends_with(kEnd)) {
      const std::size_t tail = std::min(to_ - from_, kEnd.size());
      std::memmove(buffer_, buffer_ + to_ - tail, tail);
      from_ = 0;
      to_ = tail;
      to_ += stream_.read(buffer_ + to_, sizeof buffer_ - to_);
    }
    from_ = to_ = 0;
  }
  void begin_login(const std::string& user, const std::string& password) {
    send("USER " + user + "\r\nPASS " + password + "\r\n");
  }
  void end_login() {
    for (int reply = 0; reply < 2; ++reply) {
      const std::string got = line();
      if (!got.starts_with("+OK")) fail(got.c_str());
    }
  }
  void log_in(const std::string& user, const std::string& password) {
    command("USER " + user + "\r\n");
    command("PASS " + password + "\r\n");
  }

 private:
  void send(const std::string& text) { stream_.write(text); }
  std::string line() {
    for (;;) {
      const void* end = std::memchr(buffer_ + from_, '\n', to_ - from_);
      if (end != nullptr) {
        const std::size_t length =
            static_cast<std::size_t>(static_cast<const char*>(end) - (buffer_ + from_)) + 1;
        std::string text(buffer_ + from_, length);
        from_ += length;
        return text;
      }
      std::memmove(buffer_, buffer_ + from_, to_ - from_);
      to_ -= from_;
      from_ = 0;
      to_ += stream_.read(buffer_ + to_, sizeof buffer_ - to_);
    }
  }
  [[noreturn]] static void fail(const char* what) {
    std::fprintf(stderr, "pop3_load: %s\n", what);
    std::exit(1);
  }
  Stream stream_;
  char buffer_[65536];
  std::size_t from_ = 0;
  std::size_t to_ = 0;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && (argc != 8 || std::string_view(argv[7]) != "tls")) {
    std::fprintf(stderr,
                 "usage: pop3_load PORT CLIENTS SESSIONS USERS_FILE PASSWORD "
                 "login|listing|idle|burst [tls]\n");
    return 2;
  }
  const int port = std::atoi(argv[1]);
  const int clients = std::atoi(argv[2]);
  const int sessions = std::atoi(argv[3]);
  std::vector<std::string> users;
  std::ifstream list(argv[4]);
  for (std::string user; std::getline(list, user);) users.push_back(user);
  const std::string password = argv[5];
  const std::string mode = argv[6];
  const bool tls = argc == 8;
  const auto user_of = [&users](int i) {
    return users[static_cast<std::size_t>(i) % users.size()];
  };
  if (mode == "listing") {
    for (int i = 0; i < sessions; ++i) {
      const auto start = std::chrono::steady_clock::now();
      Client client(port, tls);
      client.log_in(user_of(i), password);
      client.command("STAT\r\n");
      client.listing("LIST\r\n");
      client.listing("UIDL\r\n");
      client.command("QUIT\r\n");
      std::printf("%.3f\n", seconds_since(start) * 1000);
    }
    return 0;
  }
  if (mode == "idle" || mode == "burst") {
    std::vector<std::unique_ptr<Client>> idle;
    for (int i = 0; i < sessions; ++i) {
      idle.push_back(std::make_unique<Client>(port, tls));
      if (mode == "idle") idle.back()->log_in(user_of(i), password);
    }
    if (mode == "burst") {
      for (int i = 0; i < sessions; ++i)
        idle[static_cast<std::size_t>(i)]->begin_login(user_of(i), password);
      for (const auto& client : idle) client->end_login();
    }
    std::printf("idle\n");
    std::fflush(stdout);
    while (std::getchar() != EOF) {
    }
    return 0;
  }
  std::atomic<int> next{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int c = 0; c < clients; ++c) {
    threads.emplace_back([&] {
      for (int i = next++; i < sessions; i = next++) {
        Client client(port, tls);
        client.log_in(user_of(i), password);
        client.command("STAT\r\n");
        client.command("QUIT\r\n");
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("%.1f\n", sessions / seconds_since(start));
  return 0;
}
