// Low-load latency: one message every 30 ms over one SMTP session; for each, microseconds from MAIL
// to the 250, and from MAIL to the file's appearance in new/. Prints the medians and 99th centiles.
//   latency_probe PORT RECIPIENT NEW_DIRECTORY COUNT
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

std::string reply(int fd) {
  std::string text;
  char buffer[2048];
  do {
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) std::exit(1);
    text.append(buffer, static_cast<std::size_t>(n));
    const std::size_t line = text.rfind('\n', text.size() - 2);
    const std::size_t start = line == std::string::npos ? 0 : line + 1;
    if (text.ends_with("\r\n") && text[start + 3] == ' ') return text;
  } while (true);
}

void command(int fd, const std::string& text) {
  if (::write(fd, text.data(), text.size()) < 0) std::exit(1);
  const std::string got = reply(fd);
  if (got[0] != '2' && got[0] != '3') {
    std::fprintf(stderr, "%s", got.c_str());
    std::exit(1);
  }
}

double centile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: latency_probe PORT RECIPIENT NEW_DIRECTORY COUNT\n");
    return 2;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(argv[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int smtp = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(smtp, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::perror("connect");
    return 1;
  }
  const int on = 1;
  ::setsockopt(smtp, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int watch = ::inotify_init1(IN_CLOEXEC);
  if (::inotify_add_watch(watch, argv[3], IN_MOVED_TO | IN_CREATE) < 0) {
    std::perror(argv[3]);
    return 1;
  }
  reply(smtp);
  command(smtp, "EHLO probe.test\r\n");
  const std::string recipient = argv[2];
  const std::string body = "Subject: probe\r\n\r\n" + std::string(4000, 'x') + "\r\n.\r\n";
  std::vector<double> accepted;
  std::vector<double> delivered;
  for (int i = 0; i < std::atoi(argv[4]); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    const auto start = Clock::now();
    const auto since = [start] {
      return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    };
    command(smtp, "MAIL FROM:<probe@client.test>\r\n");
    command(smtp, "RCPT TO:<" + recipient + ">\r\n");
    command(smtp, "DATA\r\n");
    command(smtp, body);
    accepted.push_back(since());
    alignas(inotify_event) char buffer[4096];
    if (::read(watch, buffer, sizeof buffer) < 0) return 1;  // waits for the file
    delivered.push_back(since());
  }
  std::printf("%.3f %.3f %.3f %.3f\n", centile(accepted, 0.5), centile(accepted, 0.99),
              centile(delivered, 0.5), centile(delivered, 0.99));
  return 0;
}
