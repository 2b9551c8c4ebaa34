// The directory in one SQLite file, db/directory.db. Prepared statements are kept, writes take the
// lock at once (BEGIN IMMEDIATE).
#pragma once

#include <memory>
#include <string>

#include "base/sqlite.h"
#include "vdomain/directory_store.h"

namespace toast::vdomain {

// Opens an existing database whose schema this program can use; it never makes or migrates one.
// Access::read for who only looks.
[[nodiscard]] Result<std::unique_ptr<DirectoryStore>> open_sqlite_directory(
    const std::string& path, sqlite::OpenOptions options);
[[nodiscard]] std::unique_ptr<DirectoryStore> sqlite_directory_over(sqlite::Connection connection);

// Makes the file if it is absent and brings its schema up to date: toastctl init, schema migrate.
// The result is the number of migrations applied.
[[nodiscard]] Result<int> migrate_sqlite_directory(const std::string& path);

}  // namespace toast::vdomain
