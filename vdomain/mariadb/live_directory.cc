#include "vdomain/mariadb/live_directory.h"

#include "vdomain/mariadb/directory_store.h"

namespace toast::vdomain {
namespace {

// Failures of single lookups are logged this often at most: there may be thousands a second.
constexpr std::chrono::seconds kFailureLogInterval{10};

}  // namespace

void OutageReport::away(const Error& why) {
  const std::lock_guard lock(mutex_);
  // Said once, and again when the reason is another.
  if (reason_ == why.detail) return;
  reason_ = why.detail;
  log_.error("directory.database.unavailable", {{"path", database_}, {"reason", why.detail}});
}

void OutageReport::back() {
  const std::lock_guard lock(mutex_);
  if (!reason_) return;
  reason_.reset();
  log_.info("directory.database.available", {{"path", database_}});
}

void OutageReport::lookup_failed(const Error& why, SteadyTime now) {
  const std::lock_guard lock(mutex_);
  if (lookup_failure_logged_ && now - *lookup_failure_logged_ < kFailureLogInterval) return;
  lookup_failure_logged_ = now;
  log_.error("directory.lookup.failed", {{"reason", why.detail}});
}

MariadbLiveDirectory::MariadbLiveDirectory(std::shared_ptr<mariadb::Servers> servers,
                                           std::shared_ptr<OutageReport> report, const Clock& clock)
    : database_(mariadb_directory_database(std::move(servers))),
      store_(mariadb_directory_over(database_)),
      report_(std::move(report)),
      clock_(clock) {}

Result<DirectorySource::Current> MariadbLiveDirectory::current() {
  if (outage_ && clock_.steady() < retry_at_) return tl::unexpected(*outage_);
  Result<std::uint64_t> connected = database_.connected();
  if (!connected) return tl::unexpected(lose(std::move(connected.error())));
  if (outage_) {
    // A server that takes connections may still answer nothing.
    if (Result<std::uint64_t> works = store_->generation(); !works)
      return tl::unexpected(lose(std::move(works.error())));
    outage_.reset();
    report_->back();
  }
  return Current{store_.get(), *connected, false};
}

void MariadbLiveDirectory::examine(const Error& failure) {
  if (Result<std::uint64_t> works = store_->generation(); !works) {
    lose(std::move(works.error()));
    return;
  }
  report_->lookup_failed(failure, clock_.steady());
}

Error MariadbLiveDirectory::lose(Error why) {
  retry_at_ = clock_.steady() + kMariadbRetryInterval;
  report_->away(why);
  outage_ = why;
  return why;
}

}  // namespace toast::vdomain
