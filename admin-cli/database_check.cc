#include "admin-cli/database_check.h"

#include <sys/stat.h>

#include "admin-cli/mariadb.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/mariadb/migrations.h"
#include "base/settings_registry.h"
#include "schema/embedded.h"

namespace toast::admin {
namespace {

constexpr StoreInfo kStores[] = {
    {"directory", "db", "db/directory.db", schema::sqlite_directory, &setting::directorydb,
     schema::mariadb_directory},
    {"credentials", "db-auth", "db-auth/credentials.db", schema::sqlite_credentials,
     &setting::credentialsdb, schema::mariadb_credentials},
};

// `work` on a connection to the store's database.
template <class T, class Work>
Wanted<T> ask_mariadb(const Instance& instance, const StoreInfo& store, Work work) {
  const SystemClock clock;
  const auto servers = mariadb_servers(instance, *store.database, clock);
  if (!servers) return tl::unexpected(servers.error());
  Result<mariadb::Connection> connection = (*servers)->connect();
  if (!connection) return fail(connection.error(), location_of(instance, store));
  Result<T> done = work(*connection);
  if (!done) return fail(done.error(), location_of(instance, store));
  return std::move(*done);
}

}  // namespace

std::span<const StoreInfo> stores() { return kStores; }

std::string location_of(const Instance& instance, const StoreInfo& store) {
  if (!is_on_mariadb(instance)) return instance.path(store.file);
  const Wanted<Settings> settings = instance.settings();
  return settings ? settings->get(*store.database) : store.name;
}

Wanted<SchemaStatus> look_at(const Instance& instance, const StoreInfo& store) {
  if (is_on_mariadb(instance))
    return ask_mariadb<SchemaStatus>(instance, store, [&](mariadb::Connection& db) {
      return mariadb::schema_status(db, store.mariadb_migrations());
    });
  const Wanted<Owner> owner = instance.owner_of(store.folder);
  if (!owner) return tl::unexpected(owner.error());
  const std::string path = instance.path(store.file);
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0)
    return SchemaStatus{0, 0, static_cast<int>(store.migrations().size())};
  // What it finds may have to cross a process boundary.
  SocketPair pair;
  if (Result<SocketPair> made = make_socket_pair()) pair = std::move(*made);
  const Result<void> looked = run_as(*owner, [&]() -> Result<void> {
    Result<sqlite::Connection> db =
        sqlite::Connection::open(path, {.access = sqlite::Access::write});
    if (!db) return pass(db);
    Result<SchemaStatus> status = schema_status(*db, store.migrations());
    if (!status) return pass(status);
    Encoder e;
    for (const int number : {status->version, status->works_with, status->known})
      e.u32(static_cast<std::uint32_t>(number));
    return write_all(pair.right, e.view(), "schema version");
  });
  if (!looked) return fail(looked.error(), path);
  pair.right.reset();
  const Result<std::string> numbers = read_all(pair.left, 64, "schema version");
  if (!numbers) return fail(numbers.error(), path);
  Decoder d(*numbers);
  SchemaStatus status;
  for (int* number : {&status.version, &status.works_with, &status.known})
    *number = static_cast<int>(d.u32());
  return status;
}

Wanted<void> migrate_store(const Instance& instance, const StoreInfo& store, bool on_mariadb) {
  if (on_mariadb) {
    const Wanted<int> applied = ask_mariadb<int>(instance, store, [&](mariadb::Connection& db) {
      return mariadb::apply_migrations(db, store.mariadb_migrations());
    });
    if (!applied) return tl::unexpected(applied.error());
    return {};
  }
  const Wanted<Owner> owner = instance.owner_of(store.folder);
  if (!owner) return tl::unexpected(owner.error());
  const std::string path = instance.path(store.file);
  const Result<void> migrated = run_as(*owner, [&]() -> Result<void> {
    Result<sqlite::Connection> db =
        sqlite::Connection::open(path, {.access = sqlite::Access::create});
    if (!db) return pass(db);
    Result<int> applied = apply_migrations(*db, store.migrations());
    if (!applied) return pass(applied);
    return {};
  });
  if (!migrated) return fail(migrated.error(), path);
  return {};
}

}  // namespace toast::admin
