// toast-authd: verifies passwords, throttles guessing, issues tickets.
#include <sys/stat.h>

#include <memory>

#include "auth/authd.h"
#include "auth/certificate_courier.h"
#include "auth/mariadb/certificates.h"
#include "auth/mariadb/credentials.h"
#include "auth/session_messages.h"
#include "auth/sqlite/certificates.h"
#include "base/daemon.h"
#include "base/mariadb/instance.h"
#include "base/settings_registry.h"

namespace {

using namespace toast;

struct Program {
  Program(Daemon& daemon, auth::AuthdOptions options, auth::CheckpasswordPrograms checkers)
      : accounts(daemon.link("toast-vdomaind")),
        programs(daemon.link("toast-spawnd"), std::move(checkers),
                 daemon.settings().get(setting::checkpasswordseconds)),
        authd(with_programs(std::move(options), &programs), accounts, daemon.clock(),
              daemon.random(), daemon.log(), daemon.metrics()) {}
  static auth::AuthdOptions with_programs(auth::AuthdOptions options,
                                          auth::PasswordPrograms* programs) {
    options.programs = programs;
    return options;
  }
  auth::IpcAccountDirectory accounts;
  auth::IpcPasswordPrograms programs;
  auth::Authd authd;
  std::unique_ptr<auth::CertificateCourier> certificates;
  std::unique_ptr<PeerSocket> checkpassword;  // their guests ask authd: they go first
  std::unique_ptr<PeerSocket> desk;
};

// The callbacks own the program: it ends before the daemon and its event loop do.
Result<void> build(Daemon& daemon) {
  auth::AuthdOptions options = auth::authd_options(daemon.settings());
  options.desk_directory = daemon.path("db-auth");
  options.database = daemon.path("db-auth/credentials.db");
  std::unique_ptr<auth::CertificateRepository> certificates =
      std::make_unique<auth::SqliteCertificates>(
          options.database, sqlite::OpenOptions{sqlite::Access::read, auth::kReadPatience});
  if (daemon.settings().get(setting::databasebackend) == mariadb::kBackEnd) {
    const mariadb::Place place{daemon.settings().get(setting::mariadbservers),
                               daemon.settings().get(setting::mariadbsocket),
                               daemon.settings().get(setting::credentialsdb)};
    Result<mariadb::Options> where = mariadb::options_of(
        place, mariadb::kCredentialsKeeper, daemon.startup().root, mariadb::kKeeperPatience);
    if (!where) return pass(where);
    auto servers = std::make_shared<mariadb::Servers>(std::move(*where), daemon.clock());
    options.make_repository = [servers] {
      return std::make_unique<auth::MariadbCredentials>(servers);
    };
    certificates = std::make_unique<auth::MariadbCertificates>(servers);
  }
  options.ticket_key = daemon.startup().ticket_key.clone();
  if (options.ticket_key.size() != auth::kTicketKeyBytes)
    return permanent("toastd gave no ticket key");
  Result<auth::CheckpasswordPrograms> programs =
      auth::CheckpasswordPrograms::read_or_error(daemon.settings(), setting::checkpasswordprograms);
  if (!programs) return pass(programs);
  auto program = std::make_shared<Program>(daemon, std::move(options), std::move(*programs));
  program->certificates =
      std::make_unique<auth::CertificateCourier>(std::move(certificates), daemon.link("toast-keyd"),
                                                 daemon.random(), daemon.clock(), daemon.log());
  if (Result<void> loaded = program->authd.load(); !loaded) return loaded;
  daemon.on_client(
      [program](const std::string& peer) { return program->authd.dispatcher_for(peer); });
  program->authd.desk().on_end_sessions([&daemon](const std::string& mailbox) {
    for (const std::shared_ptr<ipc::Channel>& front_end : daemon.clients())
      front_end->notify(auth::EndSessions{mailbox});
  });
  struct stat root {};
  if (::stat(daemon.startup().root.c_str(), &root) != 0)
    return system_error("stat", daemon.startup().root);
  daemon.on_listener([program, &daemon, owner = root.st_uid](const std::string& name, Fd socket) {
    const bool is_desk = name == auth::kAuthSocket;
    (is_desk ? program->desk : program->checkpassword) =
        std::make_unique<PeerSocket>(daemon.executor(), std::move(socket),
                                     [authd = &program->authd, owner, is_desk](const ucred& who) {
                                       return is_desk ? authd->desk_guest(who.uid, owner)
                                                      : authd->checkpassword_guest(who.uid, owner);
                                     });
  });
  daemon.on_reload(
      [program](const Settings& now) { return program->authd.prepare(auth::authd_options(now)); },
      [program](const Settings& now) {
        program->programs.set_patience(now.get(setting::checkpasswordseconds));
        program->authd.reconfigure(auth::authd_options(now));
        program->certificates->look_now();
      });
  daemon.on_drain([program] { return program->authd.drain(); });
  program->authd.start(daemon.executor());
  program->certificates->start(daemon.executor());
  return {};
}

}  // namespace

int main(int argc, char** argv) { return toast::daemon_main(argc, argv, "toast-authd", build); }
