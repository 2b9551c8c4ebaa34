// How long lookups in an instance's directory take, whichever database it is on:
//   directory_lookup_probe ROOT DOMAINS MAILBOXES-EACH LOOKUPS [FIRST]   the resolver as vdomaind
//   has it directory_lookup_probe PORT DOMAINS MAILBOXES-EACH LOOKUPS [FIRST]   RCPT at an SMTP
//   server on loopback
// The mailboxes are user00@d00000.example..., asked for in an order that has no order, none twice;
// FIRST of that order are left out. Prints one line: lookups per second, median and p99 in
// microseconds.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "admin-cli/instance.h"
#include "admin-cli/mariadb.h"
#include "base/log.h"
#include "base/settings_registry.h"
#include "vdomain/directory_keeper.h"
#include "vdomain/mariadb/live_directory.h"

namespace {

using namespace toast;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

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
    expect("220");
    ask("HELO bench.example", "250");
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(fd_); }

  void rcpt(const std::string& address) {
    constexpr int kRecipients = 50;  // in one message, which is never sent
    if (++recipients_ == 1) ask("MAIL FROM:<bench@client.example>", "250");
    ask("RCPT TO:<" + address + ">", "250");
    if (recipients_ < kRecipients) return;
    recipients_ = 0;
    ask("RSET", "250");
  }

 private:
  void ask(const std::string& line, std::string_view wanted) {
    const std::string bytes = line + "\r\n";
    if (::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) fail("send");
    expect(wanted);
  }
  void expect(std::string_view wanted) {
    std::string reply(1024, '\0');
    const ssize_t n = ::recv(fd_, reply.data(), reply.size(), 0);
    if (n <= 0 || !std::string_view(reply).starts_with(wanted)) fail("the server said " + reply);
  }
  int fd_;
  int recipients_ = 0;
};

std::vector<std::string> names(std::size_t domains, std::size_t each, std::size_t wanted,
                               std::size_t first) {
  std::vector<std::string> all;
  const std::size_t total = domains * each;
  constexpr std::size_t kStep =
      611'953;  // a prime: every mailbox comes once before one comes again
  for (std::size_t i = 0; i < std::min(wanted, total); ++i) {
    const std::size_t which = ((first + i) * kStep + 7) % total;
    all.push_back(fmt::format("user{:02}@d{:05}.example", which % each, which / each));
  }
  return all;
}

template <class Ask>
void measure(const std::vector<std::string>& all, Ask ask) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> took;
  took.reserve(all.size());
  const auto begun = Clock::now();
  for (const std::string& name : all) {
    const auto before = Clock::now();
    ask(name);
    took.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  std::sort(took.begin(), took.end());
  fmt::print("{:.0f} {:.1f} {:.1f}\n", static_cast<double>(all.size()) / seconds,
             took[took.size() / 2], took[(took.size() * 99 + 99) / 100 - 1]);  // nearest rank
}

void measure_keeper(const std::string& root, const std::vector<std::string>& all) {
  const auto instance = admin::Instance::open(root);
  if (!instance) fail(instance.error().message);
  const SystemClock clock;
  SilentLogger log;
  Metrics metrics;
  vdomain::KeeperOptions options{.database = instance->directory_database(),
                                 .mail = instance->path("mail"),
                                 .host = Domain::parse("mx.example.test").value()};
  if (admin::is_on_mariadb(*instance)) {
    const auto servers = admin::mariadb_servers(*instance, setting::directorydb, clock);
    if (!servers) fail(servers.error().message);
    auto report = std::make_shared<vdomain::OutageReport>("directory", log);
    options.source = [servers = *servers, report, &clock] {
      return std::make_unique<vdomain::MariadbLiveDirectory>(servers, report, clock);
    };
  }
  vdomain::DirectoryKeeper keeper(options, clock, log, metrics);
  measure(all, [&](const std::string& name) {
    const auto found = keeper.check({Address::parse(name).value(), 0});
    if (!found) fail(name + ": " + found.error().detail);
    if (found->verdict != vdomain::CheckRecipient::Verdict::accept) fail(name + " is not there");
  });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6)
    fail("usage: directory_lookup_probe ROOT|PORT DOMAINS MAILBOXES-EACH LOOKUPS [FIRST]");
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const std::vector<std::string> all =
      names(number(2), number(3), number(4), argc == 6 ? number(5) : 0);
  if (argv[1][0] == '/') {
    measure_keeper(argv[1], all);
    return 0;
  }
  // A connection has its limits, too.
  constexpr std::size_t kOfAConnection = 1000;
  std::optional<Client> client;
  std::size_t asked = 0;
  measure(all, [&](const std::string& name) {
    if (asked++ % kOfAConnection == 0) client.emplace(static_cast<int>(number(1)));
    client->rcpt(name);
  });
  return 0;
}
