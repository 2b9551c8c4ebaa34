// Can the two databases be used by this program? For toastctl status and schema status.
#pragma once

#include <string>
#include <vector>

#include "admin-cli/instance.h"
#include "base/migrations.h"

namespace toast::admin {

struct StoreInfo {
  const char* name;    // "directory"
  const char* folder;  // whose owner may open it
  const char* file;    // below the root
  std::span<const Migration> (*migrations)();
  // On MariaDB:
  const LineSetting* database;
  std::span<const Migration> (*mariadb_migrations)();
};
std::span<const StoreInfo> stores();

// For people: the file, or the database's name.
std::string location_of(const Instance& instance, const StoreInfo& store);
// Looks without making anything, as the store's owner; a missing file has version 0.
Wanted<SchemaStatus> look_at(const Instance& instance, const StoreInfo& store);

// Brings it up to this program; made if it is absent (MariaDB: its tables).
Wanted<void> migrate_store(const Instance& instance, const StoreInfo& store, bool on_mariadb);

}  // namespace toast::admin
