// The SQLite directory as its keeper holds it: opened when it can be, watched for changes, let go
// when it fails, tried again without a restart. Never makes, migrates or writes the database.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/sqlite.h"
#include "vdomain/directory_source.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::vdomain {

// A caller waits for the directory while this waits for a lock. Readers wait for nobody in WAL
// mode, except for whoever locks the whole file.
inline constexpr std::chrono::milliseconds kLookupBusyTimeout{50};
// In an outage the database is tried this often; in between the answer is at hand.
inline constexpr std::chrono::milliseconds kReopenInterval{500};
// How long a deleted or replaced file may go unnoticed.
inline constexpr std::chrono::milliseconds kFileCheckInterval{200};

class LiveDirectory final : public DirectorySource {
 public:
  LiveDirectory(std::string path, const Clock& clock, Logger& log);
  ~LiveDirectory() override;

  [[nodiscard]] Result<Current> current() override;
  void done() override { snapshot_.reset(); }
  void examine(const Error& failure) override;
  bool available() const { return store_ != nullptr; }

 private:
  Result<void> open();
  Result<void> look();  // has it changed, is it still there
  Error lose(Error why);

  const std::string path_;
  const Clock& clock_;
  Logger& log_;
  std::unique_ptr<SqliteDirectoryStore> store_;
  std::optional<DirectorySnapshot> snapshot_;  // all lookups of a question see the same directory
  std::optional<sqlite::Connection> watch_;    // looks at the file and its schema
  std::optional<std::int64_t> version_;        // of the store when its schema was last looked at
  std::uint64_t epoch_ = 0;
  SteadyTime file_checked_{};
  std::optional<Error> outage_;
  SteadyTime retry_at_{};
  std::optional<SteadyTime> lookup_failure_logged_;
};

}  // namespace toast::vdomain
