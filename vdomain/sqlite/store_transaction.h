// The writing half of the SQLite directory.
#pragma once

#include <memory>

#include "base/sqlite.h"
#include "vdomain/directory_store.h"

namespace toast::vdomain {

// `db` must outlive the transaction.
[[nodiscard]] Result<std::unique_ptr<StoreTransaction>> begin_sqlite_directory_transaction(
    sqlite::Connection& db);

}  // namespace toast::vdomain
