// Submits mail over SMTP as fast as it is taken, to recipients in many domains, which smtp-source
// cannot.
//   mail_load PORT SESSIONS MESSAGES RECIPIENTS BYTES DOMAIN DOMAINS
// RECIPIENTS for each message. The n-th recipient of all is rN@dM.DOMAIN with M = n modulo DOMAINS;
// with DOMAINS 0 it is rN@DOMAIN. MAIL, RCPT and DATA go together. Ends with 1 at the first
// refusal.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace {

// A server may close a connection after so many; ours and Postfix take more.
constexpr int kMessagesPerConnection = 500;
// Replies to as many commands have to fit the socket's buffer.
constexpr int kPipelined = 100;

struct Order {
  int port = 0, sessions = 0, messages = 0, recipients = 0, domains = 0;
  std::string domain, content;
};

class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("connect");
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    expect(1);
    send("EHLO client.test\r\n");
    expect(1);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(fd_); }

  void send(const std::string& text) const {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = ::send(fd_, text.data() + done, text.size() - done, MSG_NOSIGNAL);
      if (n <= 0) fail("send");
      done += static_cast<std::size_t>(n);
    }
  }

  // So many good replies.
  void expect(int replies) {
    while (replies > 0) {
      const std::size_t end = input_.find('\n');
      if (end == std::string::npos) {
        char block[16384];
        const ssize_t n = ::read(fd_, block, sizeof block);
        if (n <= 0) fail("read");
        input_.append(block, static_cast<std::size_t>(n));
        continue;
      }
      if (input_[0] != '2' && input_[0] != '3') fail(input_.substr(0, end));
      if (input_[3] == ' ') --replies;
      input_.erase(0, end + 1);
    }
  }

  [[noreturn]] static void fail(const std::string& what) {
    std::fprintf(stderr, "mail_load: %s\n", what.c_str());
    std::exit(1);
  }

 private:
  int fd_;
  std::string input_;
};

std::string rcpt(const Order& order, int number) {
  const std::string host =
      order.domains == 0 ? "" : "d" + std::to_string(number % order.domains) + ".";
  return "RCPT TO:<r" + std::to_string(number) + "@" + host + order.domain + ">\r\n";
}

void submit(Client& client, const Order& order, int message) {
  std::string commands = "MAIL FROM:<load@client.test>\r\n";
  int pending = 1;
  for (int i = 0; i < order.recipients; ++i) {
    commands += rcpt(order, message * order.recipients + i);
    if (++pending < kPipelined) continue;
    client.send(commands);
    client.expect(pending);
    commands.clear();
    pending = 0;
  }
  client.send(commands + "DATA\r\n");
  client.expect(pending + 1);
  client.send(order.content);
  client.expect(1);
}

void run_session(const Order& order, std::atomic<int>& next) {
  for (int message = next++; message < order.messages;) {
    Client client(order.port);
    for (int i = 0; i < kMessagesPerConnection && message < order.messages; ++i) {
      submit(client, order, message);
      message = next++;
    }
    client.send("QUIT\r\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) {
    std::fprintf(stderr,
                 "usage: mail_load PORT SESSIONS MESSAGES RECIPIENTS BYTES DOMAIN DOMAINS\n");
    return 2;
  }
  Order order;
  order.port = std::atoi(argv[1]);
  order.sessions = std::atoi(argv[2]);
  order.messages = std::atoi(argv[3]);
  order.recipients = std::atoi(argv[4]);
  order.domain = argv[6];
  order.domains = std::atoi(argv[7]);
  order.content = "From: load@client.test\r\nSubject: load\r\n\r\n";
  const auto size = static_cast<std::size_t>(std::atoi(argv[5]));
  while (order.content.size() + 80 < size) order.content += std::string(78, 'x') + "\r\n";
  order.content += "end\r\n.\r\n";
  std::atomic<int> next = 0;
  std::vector<std::thread> sessions;
  for (int i = 0; i < order.sessions; ++i) sessions.emplace_back([&] { run_session(order, next); });
  for (std::thread& session : sessions) session.join();
}
