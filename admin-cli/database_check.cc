#include "admin-cli/database_check.h"

#include <sys/stat.h>

#include "base/codec.h"
#include "base/fd.h"
#include "schema/embedded.h"

namespace toast::admin {
namespace {

constexpr StoreInfo kStores[] = {
    {"directory", "db", "db/directory.db", schema::sqlite_directory},
    {"credentials", "db-auth", "db-auth/credentials.db", schema::sqlite_credentials},
};

}  // namespace

std::span<const StoreInfo> stores() { return kStores; }

Wanted<SchemaStatus> look_at(const Instance& instance, const StoreInfo& store) {
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

}  // namespace toast::admin
