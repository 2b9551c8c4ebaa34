// toast-remoted: hands mail to other hosts. Touches the network only: what is to be sent, and to
// whom, comes from queued, large messages as descriptors.
#include <memory>

#include "base/daemon.h"
#include "base/settings_registry.h"
#include "mta/remote/remoted.h"

namespace {

using namespace toast;

std::shared_ptr<const remote::Options> read_options(const Settings& settings) {
  remote::Options options;
  options.helo = settings.get(setting::helohost);
  options.connect_timeout = settings.get(setting::timeoutconnect);
  options.reply_timeout = settings.get(setting::timeoutremote);
  return std::make_shared<const remote::Options>(std::move(options));
}

// Destinations that are addresses need no names.
class AddressesOnly final : public remote::HostFinder {
 public:
  Task<Result<std::vector<remote::Candidate>>> find(remote::NextHop hop) override {
    co_return transient(hop.str() + ": no resolver", "4.4.3 names cannot be looked up");
  }
};

struct Program {
  explicit Program(Daemon& daemon)
      : dialer(daemon.executor()),
        disk(remote::kDiskThreads),
        counters(daemon.metrics()),
        services{daemon.clock(), daemon.log(), hosts, dialer, disk, counters},
        remoted(daemon.executor(), read_options(daemon.settings()), services) {}
  AddressesOnly hosts;
  remote::SocketDialer dialer;
  asio::thread_pool disk;
  remote::Counters counters;
  remote::Services services;
  remote::Remoted remoted;
};

// The callbacks own the program: it ends before the daemon and its event loop do.
Result<void> build(Daemon& daemon) {
  auto program = std::make_shared<Program>(daemon);
  daemon.on_client(
      [program](const std::string& peer) { return program->remoted.dispatcher_for(peer); });
  daemon.on_reload(
      [](const Settings&) { return Result<void>{}; },
      [program](const Settings& now) { program->remoted.set_options(read_options(now)); });
  daemon.on_drain([program] { return program->remoted.drain(); });
  return {};
}

}  // namespace

int main(int argc, char** argv) { return daemon_main(argc, argv, "toast-remoted", build); }
