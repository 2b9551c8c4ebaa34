#include "vdomain/live_directory.h"

#include "base/migrations.h"
#include "schema/embedded.h"

namespace toast::vdomain {

namespace {

constexpr sqlite::OpenOptions kReader{.access = sqlite::Access::read,
                                      .busy_timeout = kLookupBusyTimeout};
// Failures of single lookups are logged this often at most: there may be thousands a second.
constexpr std::chrono::seconds kLookupFailureLogInterval{10};

}  // namespace

LiveDirectory::LiveDirectory(std::string path, const Clock& clock, Logger& log)
    : path_(std::move(path)), clock_(clock), log_(log) {}

LiveDirectory::~LiveDirectory() = default;

Result<LiveDirectory::Current> LiveDirectory::current() {
  done();
  if (outage_ && clock_.steady() < retry_at_) return tl::unexpected(*outage_);
  if (!store_)
    if (Result<void> opened = open(); !opened) return tl::unexpected(lose(opened.error()));
  if (Result<void> seen = look(); !seen) return tl::unexpected(lose(seen.error()));
  if (outage_) {
    outage_.reset();
    log_.info("directory.database.available", {{"path", path_}});
  }
  return Current{store_.get(), epoch_, true};
}

Result<void> LiveDirectory::open() {
  Result<sqlite::Connection> watch = sqlite::Connection::open(path_, kReader);
  if (!watch) return pass(watch);
  Result<std::unique_ptr<SqliteDirectoryStore>> store = open_sqlite_directory(path_, kReader);
  if (!store) return pass(store);
  watch_ = std::move(*watch);
  store_ = std::move(*store);
  version_.reset();
  file_checked_ = clock_.steady();
  ++epoch_;
  return {};
}

Result<void> LiveDirectory::look() {
  if (clock_.steady() - file_checked_ >= kFileCheckInterval) {
    file_checked_ = clock_.steady();
    // SQLite would go on reading a file that has no name any more. A new one is opened at once.
    if (Result<void> there = watch_->check_file_in_place(); !there)
      if (Result<void> opened = open(); !opened) return opened;
  }
  Result<DirectorySnapshot> snapshot = store_->snapshot();
  if (!snapshot) return pass(snapshot);
  if (snapshot->version() != version_) {
    // Whoever wrote may have been a newer program that migrated it.
    if (Result<void> usable = check_schema(*watch_, schema::sqlite_directory()); !usable)
      return usable;
    version_ = snapshot->version();
    ++epoch_;
  }
  snapshot_.emplace(std::move(*snapshot));
  return {};
}

void LiveDirectory::examine(const Error& failure) {
  if (!store_) return;
  if (Result<std::uint64_t> works = store_->generation(); !works) {
    lose(works.error());
    return;
  }
  const SteadyTime now = clock_.steady();
  if (lookup_failure_logged_ && now - *lookup_failure_logged_ < kLookupFailureLogInterval) return;
  lookup_failure_logged_ = now;
  log_.error("directory.lookup.failed", {{"reason", failure.detail}});
}

Error LiveDirectory::lose(Error why) {
  snapshot_.reset();
  store_.reset();
  watch_.reset();
  retry_at_ = clock_.steady() + kReopenInterval;
  // Said once, and again when the reason is another.
  if (!outage_ || outage_->detail != why.detail)
    log_.error("directory.database.unavailable", {{"path", path_}, {"reason", why.detail}});
  outage_ = why;
  return why;
}

}  // namespace toast::vdomain
