// toast-vdomaind: keeps the directory database and answers who receives mail here.
#include <memory>

#include "base/daemon.h"
#include "base/mariadb/instance.h"
#include "base/settings_registry.h"
#include "vdomain/mariadb/live_directory.h"
#include "vdomain/vdomaind.h"

namespace {

using namespace toast;

// The servers, and the word on an outage, are shared by the threads that ask.
Result<void> use_mariadb(Daemon& daemon, vdomain::KeeperOptions& options) {
  const mariadb::Place place{daemon.settings().get(setting::mariadbservers),
                             daemon.settings().get(setting::mariadbsocket),
                             daemon.settings().get(setting::directorydb)};
  Result<mariadb::Options> where = mariadb::options_of(
      place, mariadb::kDirectoryKeeper, daemon.startup().root, mariadb::kKeeperPatience);
  if (!where) return pass(where);
  const std::string name = where->database;
  auto servers = std::make_shared<mariadb::Servers>(std::move(*where), daemon.clock());
  auto report = std::make_shared<vdomain::OutageReport>(name, daemon.log());
  options.source = [servers, report, &clock = daemon.clock()] {
    return std::make_unique<vdomain::MariadbLiveDirectory>(servers, report, clock);
  };
  return {};
}

struct Names {
  Domain host;
  vdomain::LoginDomains login_domains;
};
Result<Names> names_in(const Settings& settings) {
  Result<Domain> host = Domain::parse(settings.get(setting::me));
  if (!host) return pass(host, "control/me");
  Result<Domain> login_domain = Domain::parse(settings.get(setting::logindomain));
  if (!login_domain) return pass(login_domain, "control/logindomain");
  Result<vdomain::LoginDomains> login_domains =
      vdomain::LoginDomains::parse(std::move(*login_domain), settings.get(setting::logindomains));
  if (!login_domains) return pass(login_domains, "control/logindomains");
  return Names{std::move(*host), std::move(*login_domains)};
}

Result<void> build(Daemon& daemon) {
  Result<Names> names = names_in(daemon.settings());
  if (!names) return pass(names);
  vdomain::KeeperOptions options{.database = daemon.path("db/directory.db"),
                                 .mail = daemon.path("mail"),
                                 .host = names->host,
                                 .login_domains = names->login_domains};
  std::size_t threads = 0;
  if (daemon.settings().get(setting::databasebackend) == mariadb::kBackEnd) {
    Result<void> chosen = use_mariadb(daemon, options);
    if (!chosen) return chosen;
    threads = vdomain::kDirectoryThreads;
  }
  // The callbacks own the program: it ends before the daemon and its event loop do.
  auto program = std::make_shared<vdomain::Vdomaind>(options, daemon.clock(), daemon.log(),
                                                     daemon.metrics(), threads);
  daemon.on_client([program](const std::string& peer) { return program->dispatcher_for(peer); });
  daemon.on_reload(
      [](const Settings& next) -> Result<void> {
        Result<Names> good = names_in(next);
        if (!good) return pass(good);
        return {};
      },
      [program](const Settings& now) {
        const Names current = names_in(now).value();
        program->set_names(current.host, current.login_domains);
      });
  // A database that cannot be opened costs deferrals, not the server; the log has said why.
  program->make_ready();
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-vdomaind", build); }
