// toast-vdomaind: keeps the directory database and answers who receives mail here.
#include <memory>

#include "base/daemon.h"
#include "base/settings_registry.h"
#include "vdomain/vdomaind.h"

namespace {

using namespace toast;

Result<void> build(Daemon& daemon) {
  Result<Domain> host = Domain::parse(daemon.settings().get(setting::me));
  if (!host) return pass(host, "control/me");
  vdomain::KeeperOptions options{
      .database = daemon.path("db/directory.db"), .mail = daemon.path("mail"), .host = *host};
  // The callbacks own the program: it ends before the daemon and its event loop do.
  auto program = std::make_shared<vdomain::Vdomaind>(std::move(options), daemon.clock(),
                                                     daemon.log(), daemon.metrics());
  daemon.on_client([program](const std::string& peer) { return program->dispatcher_for(peer); });
  daemon.on_reload(
      [](const Settings& next) -> Result<void> {
        Result<Domain> name = Domain::parse(next.get(setting::me));
        if (!name) return pass(name, "control/me");
        return {};
      },
      [program](const Settings& now) {
        program->keeper().set_host(Domain::parse(now.get(setting::me)).value());
      });
  // A database that cannot be opened costs deferrals, not the server; the log has said why.
  (void)program->keeper().ready();
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-vdomaind", build); }
