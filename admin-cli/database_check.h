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
};
std::span<const StoreInfo> stores();

// Looks without making anything, as the store's owner; a missing file has version 0.
Wanted<SchemaStatus> look_at(const Instance& instance, const StoreInfo& store);

}  // namespace toast::admin
