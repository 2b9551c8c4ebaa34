// The directory in one SQLite file, db/directory.db. Prepared statements are kept, writes take the
// lock at once (BEGIN IMMEDIATE).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/sqlite.h"
#include "vdomain/directory_store.h"

namespace toast::vdomain {

// What is read through the store while this lives is of one moment. It must go before the store.
class DirectorySnapshot {
 public:
  DirectorySnapshot(sqlite::Snapshot snapshot, std::int64_t version)
      : snapshot_(std::move(snapshot)), version_(version) {}
  // The same as of another snapshot of this store: nobody has written in between.
  std::int64_t version() const { return version_; }

 private:
  sqlite::Snapshot snapshot_;
  std::int64_t version_;
};

class SqliteDirectoryStore : public DirectoryStore {
 public:
  [[nodiscard]] virtual Result<DirectorySnapshot> snapshot() = 0;
};

// Opens an existing database whose schema this program can use; it never makes or migrates one.
// Access::read for who only looks.
[[nodiscard]] Result<std::unique_ptr<SqliteDirectoryStore>> open_sqlite_directory(
    const std::string& path, sqlite::OpenOptions options);

// Makes the file if it is absent and brings its schema up to date: toastctl init, schema migrate.
// The result is the number of migrations applied.
[[nodiscard]] Result<int> migrate_sqlite_directory(const std::string& path);

}  // namespace toast::vdomain
