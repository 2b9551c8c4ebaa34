// The MariaDB directory as its keeper holds it: one for each thread that asks, over servers and an
// outage that all of them share. Never makes, migrates or writes the database.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "base/mariadb/database.h"
#include "vdomain/directory_source.h"

namespace toast::vdomain {

// After a failure that was the database's it is not asked for so long: the answer is at hand.
inline constexpr std::chrono::milliseconds kMariadbRetryInterval{500};

// What all threads of the keeper say with one voice: the database is away, it is back. Safe for use
// by several threads.
class OutageReport {
 public:
  OutageReport(std::string database, Logger& log) : database_(std::move(database)), log_(log) {}
  void away(const Error& why);
  void back();
  void lookup_failed(const Error& why, SteadyTime now);

 private:
  const std::string database_;
  Logger& log_;
  std::mutex mutex_;
  std::optional<std::string> reason_;  // of the present outage
  std::optional<SteadyTime> lookup_failure_logged_;
};

class MariadbLiveDirectory final : public DirectorySource {
 public:
  // `clock` outlives this.
  MariadbLiveDirectory(std::shared_ptr<mariadb::Servers> servers,
                       std::shared_ptr<OutageReport> report, const Clock& clock);

  // Each read is of its own moment: a transaction around them would cost two round trips more.
  [[nodiscard]] Result<Current> current() override;
  void done() override {}
  void examine(const Error& failure) override;

 private:
  Error lose(Error why);

  mariadb::Database database_;
  std::unique_ptr<DirectoryStore> store_;
  std::shared_ptr<OutageReport> report_;
  const Clock& clock_;
  std::optional<Error> outage_;
  SteadyTime retry_at_{};
};

}  // namespace toast::vdomain
