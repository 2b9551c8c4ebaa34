// toast-keyd: keeps the private keys, and signs TLS handshakes with them.
#include <memory>

#include "auth/keyd/keyd.h"
#include "base/daemon.h"
#include "base/settings_registry.h"
#include "base/tls/server.h"

namespace {

using namespace toast;

// The callbacks own the program: it ends before the daemon and its event loop do.
Result<void> build(Daemon& daemon) {
  Result<void> prepared = tls::prepare_server();
  if (!prepared) return prepared;
  auto keyd = std::make_shared<keyd::Keyd>(daemon.executor(), daemon.path("tls"), daemon.clock(),
                                           daemon.random(), daemon.log(), daemon.metrics());
  keyd->load(daemon.settings().get(setting::me));
  daemon.on_client([keyd](const std::string& peer) { return keyd->dispatcher_for(peer); });
  daemon.on_reload([](const Settings&) { return Result<void>{}; },
                   [keyd](const Settings& now) { keyd->load(now.get(setting::me)); });
  keyd->start();
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-keyd", build); }
