// toastctl directory: moving the directory and the credentials between SQLite and MariaDB.
#include "vdomain/directory_copy.h"

#include <functional>

#include "admin-cli/context.h"
#include "admin-cli/database_check.h"
#include "admin-cli/mariadb.h"
#include "auth/credentials_copy.h"
#include "auth/mariadb/certificates.h"
#include "auth/mariadb/credentials.h"
#include "auth/sqlite/certificates.h"
#include "auth/sqlite/credentials.h"
#include "base/mariadb/instance.h"
#include "base/settings_registry.h"
#include "vdomain/mariadb/directory_store.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::admin {
namespace {

using DirectoryHandle = std::unique_ptr<vdomain::DirectoryStore>;
using CredentialsHandle = std::unique_ptr<auth::CredentialsRepository>;

// How the stores of both kinds are opened, later, in a process that may be another user's.
struct StoreOpeners {
  std::function<Result<DirectoryHandle>()> sqlite_directory;
  std::function<Result<DirectoryHandle>()> mariadb_directory;
  std::function<CredentialsHandle()> sqlite_credentials;
  std::function<CredentialsHandle()> mariadb_credentials;
  std::function<Result<std::uint64_t>(bool to_mariadb)> copy_certificates;
};

Result<std::uint64_t> copy_certificates(const std::string& sqlite_path,
                                        std::shared_ptr<mariadb::Servers> servers,
                                        bool to_mariadb) {
  auth::SqliteCertificates sqlite(sqlite_path, sqlite::OpenOptions{});
  auth::MariadbCertificates mariadb(std::move(servers));
  return to_mariadb ? auth::copy_certificates(sqlite, mariadb)
                    : auth::copy_certificates(mariadb, sqlite);
}

Wanted<StoreOpeners> find_stores(const Instance& instance, const Clock& clock) {
  const auto directory = mariadb_servers(instance, setting::directorydb, clock);
  if (!directory) return tl::unexpected(directory.error());
  const auto credentials = mariadb_servers(instance, setting::credentialsdb, clock);
  if (!credentials) return tl::unexpected(credentials.error());
  return StoreOpeners{
      [path = instance.directory_database()] { return vdomain::open_sqlite_directory(path, {}); },
      [servers = *directory] { return vdomain::mariadb_directory(servers); },
      [path = instance.credentials_database()]() -> CredentialsHandle {
        return std::make_unique<auth::SqliteCredentials>(path, sqlite::OpenOptions{});
      },
      [servers = *credentials]() -> CredentialsHandle {
        return std::make_unique<auth::MariadbCredentials>(servers);
      },
      [path = instance.credentials_database(), servers = *credentials](bool to_mariadb) {
        return copy_certificates(path, servers, to_mariadb);
      }};
}

Result<void> copy_passwords(const StoreOpeners& stores, bool to_mariadb) {
  const CredentialsHandle from =
      to_mariadb ? stores.sqlite_credentials() : stores.mariadb_credentials();
  const CredentialsHandle to =
      to_mariadb ? stores.mariadb_credentials() : stores.sqlite_credentials();
  Result<std::uint64_t> copied = auth::copy_credentials(*from, *to);
  if (copied) copied = stores.copy_certificates(to_mariadb);
  if (!copied) return pass(copied);
  return {};
}

Result<void> copy_names(const StoreOpeners& stores, bool to_mariadb,
                        const vdomain::AuditEntry& note) {
  Result<DirectoryHandle> from =
      to_mariadb ? stores.sqlite_directory() : stores.mariadb_directory();
  if (!from) return pass(from);
  Result<DirectoryHandle> to = to_mariadb ? stores.mariadb_directory() : stores.sqlite_directory();
  if (!to) return pass(to);
  Result<bool> empty = vdomain::is_empty(**to);
  if (!empty) return pass(empty);
  if (*empty) {
    Result<vdomain::CopiedRows> copied = vdomain::copy_directory(**from, **to, note);
    if (!copied) return pass(copied);
    Result<bool> recorded = vdomain::has_record_of(**from, **to);
    if (!recorded) return pass(recorded);
    if (!*recorded) return permanent("the record of changes is not the same after the copy");
  }
  Result<std::string> differs = vdomain::first_difference(**from, **to);
  if (!differs) return pass(differs);
  if (differs->empty()) return {};
  return permanent("the two directories are not the same: " + *differs + " differs" +
                   (*empty ? "" : ", and the one to copy to was not empty"));
}

Outcome copy_directory_to(Context& context, const std::string& target) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const bool to_mariadb = target == mariadb::kBackEnd;
  if (is_on_mariadb(*instance) == to_mariadb)
    return fail(Exit::conflict, "same_place", "the instance uses " + target + " already", target,
                "databasebackend still has the place that is copied from");
  if (context.dry_run) {
    context.out.did(context.verb("copied"), "directory", target);
    return Exit::would_change;
  }
  const Wanted<StoreOpeners> opened = find_stores(*instance, context.clock);
  if (!opened) return tl::unexpected(opened.error());
  for (const StoreInfo& store : admin::stores()) {
    const Wanted<void> ready = migrate_store(*instance, store, to_mariadb);
    if (!ready) return tl::unexpected(ready.error());
  }
  // Passwords first: one without its mailbox does no harm.
  const Wanted<Owner> keeper = instance->owner_of("db-auth");
  if (!keeper) return tl::unexpected(keeper.error());
  const Result<void> passwords =
      run_as(*keeper, [&] { return copy_passwords(*opened, to_mariadb); });
  if (!passwords) return fail(passwords.error(), "credentials");
  const vdomain::AuditEntry note{.at = context.clock.wall(),
                                 .actor = context.actor,
                                 .action = "directory.copy",
                                 .object = target,
                                 .before = {},
                                 .after = {}};
  const Wanted<Owner> owner = instance->owner_of("db");
  if (!owner) return tl::unexpected(owner.error());
  const Result<void> names = run_as(*owner, [&] { return copy_names(*opened, to_mariadb, note); });
  if (!names) return fail(names.error(), "directory");
  context.out.did("copied", "directory", target);
  context.out.note("compared: both are the same. To use it: toastctl config set " +
                   std::string(setting::databasebackend.name) + " " + target +
                   ", then restart toastd");
  return Exit::done;
}

}  // namespace

void add_directory(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("directory", "Where the directory is kept");
  noun->require_subcommand(1);
  CLI::App* command = noun->add_subcommand(
      "copy", "Copy directory and credentials to the other kind of database, and compare");
  auto target = std::make_shared<std::string>();
  command->add_option("--to", *target, "mariadb or sqlite; its database must be empty")
      ->required()
      ->check(CLI::IsMember({"mariadb", "sqlite"}).description(""))
      ->type_name("KIND");
  command->footer(
      "Stop toastd first, or what changes meanwhile is lost.\n"
      "Example:\n  toastctl directory copy --to mariadb");
  command->callback([&context, target] {
    context.action = [&context, target] { return copy_directory_to(context, *target); };
  });
}

}  // namespace toast::admin
