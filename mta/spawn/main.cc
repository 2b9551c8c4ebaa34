// toast-spawnd: runs the programs that check passwords of some domains, each as its own account.
#include <unistd.h>

#include <memory>

#include "base/daemon.h"
#include "base/settings_registry.h"
#include "mta/spawn/spawnd.h"

namespace {

using namespace toast;

Result<spawnd::SpawndOptions> options_of(const Settings& settings) {
  spawnd::SpawndOptions options;
  Result<auth::CheckpasswordPrograms> programs =
      auth::CheckpasswordPrograms::read_or_error(settings, setting::checkpasswordprograms);
  if (!programs) return pass(programs);
  for (const auth::CheckpasswordProgram& program : programs->all()) {
    Result<auth::ProgramAccount> account =
        auth::find_program_account(program.user, settings, ::geteuid());
    if (!account) return pass(account, program.domain.str());
    options.accounts.emplace(program.user, std::move(*account));
  }
  options.programs = std::move(*programs);
  options.patience = settings.get(setting::checkpasswordseconds);
  return options;
}

// The callbacks own the program: it ends before the daemon and its event loop do.
Result<void> build(Daemon& daemon) {
  Result<spawnd::SpawndOptions> options = options_of(daemon.settings());
  if (!options) return pass(options);
  auto keeper = std::make_shared<spawnd::Spawnd>(daemon.executor(), std::move(*options),
                                                 daemon.clock(), daemon.log(), daemon.metrics());
  daemon.on_client([keeper](const std::string& peer) { return keeper->dispatcher_for(peer); });
  daemon.on_reload([](const Settings&) { return Result<void>{}; },
                   [keeper](const Settings& now) {
                     keeper->set_patience(now.get(setting::checkpasswordseconds));
                   });
  daemon.on_drain([keeper] { return keeper->drain(); });
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-spawnd", build); }
