// TLS handshakes with an SMTP server, as fast as it lets them; the load of tls_bench.py.
//   tls_load PORT CLIENTS HANDSHAKES smtps|smtp
// smtps: TLS from the first byte; smtp: after EHLO and STARTTLS. Each connection is a whole
// handshake, the reply to one command under TLS, and QUIT. Prints connections/s.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/stream.h"

namespace {

using toast::bench::Stream;

// To the end of a reply: a line whose fourth character is a blank.
void read_reply(Stream& stream) {
  std::string got;
  char block[4096];
  for (std::size_t at = 0;;) {
    const std::size_t end = got.find('\n', at);
    if (end == std::string::npos) {
      got.append(block, stream.read(block, sizeof block));
    } else if (end - at > 3 && got[at + 3] == ' ') {
      return;
    } else {
      at = end + 1;
    }
  }
}

void connect_once(int port, bool starttls) {
  Stream stream(port);
  if (starttls) {
    read_reply(stream);
    stream.write("EHLO bench.test\r\n");
    read_reply(stream);
    stream.write("STARTTLS\r\n");
    read_reply(stream);
  }
  stream.begin_tls();
  if (starttls) stream.write("EHLO bench.test\r\n");
  read_reply(stream);
  stream.write("QUIT\r\n");
  read_reply(stream);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc == 5 ? argv[4] : "";
  if (mode != "smtp" && mode != "smtps") {
    std::fprintf(stderr, "usage: tls_load PORT CLIENTS HANDSHAKES smtps|smtp\n");
    return 2;
  }
  const int port = std::atoi(argv[1]);
  const int count = std::atoi(argv[3]);
  std::atomic<int> next{0};
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::thread> clients;
  for (int c = std::atoi(argv[2]); c > 0; --c)
    clients.emplace_back([&] {
      while (next++ < count) connect_once(port, mode == "smtp");
    });
  for (std::thread& client : clients) client.join();
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  std::printf("%.1f\n", count / taken.count());
  return 0;
}
