// The directory of the queue as the journal sees it: flat names, explicit syncs. The real one is
// POSIX; the crash tests put a simulated one in its place that loses, tears and reorders everything
// not covered by sync_data() or sync_directory(). Any thread may call any of it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace toast::queue {

class DiskFile {
 public:
  virtual ~DiskFile() = default;
  // May write fewer bytes than asked; write_all() below goes on. Durable only after sync_data().
  [[nodiscard]] virtual Result<std::size_t> write_at(std::uint64_t offset,
                                                     std::string_view bytes) = 0;
  // Fewer bytes than asked only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) = 0;
  // fdatasync: contents and size. After a failure nothing written since the last success counts
  // as durable, whatever a later call says: the kernel may have dropped the pages.
  [[nodiscard]] virtual Result<void> sync_data() = 0;
  // What is read next comes from the disk itself. After a failed sync the page cache goes on
  // showing what never got there, to the next process too.
  virtual void forget_cache() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() = 0;
};

// A file that is open.
std::unique_ptr<DiskFile> disk_file(Fd fd, std::string name);

class Disk {
 public:
  virtual ~Disk() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<DiskFile>> create(const std::string& name) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<DiskFile>> open(const std::string& name) = 0;
  [[nodiscard]] virtual Result<Fd> open_read_only(const std::string& name) = 0;  // to pass on
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> unlink(const std::string& name) = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> list() = 0;
  // Makes every create, rename and unlink so far durable.
  [[nodiscard]] virtual Result<void> sync_directory() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> free_bytes() = 0;
};

[[nodiscard]] Result<void> write_all(DiskFile& file, std::uint64_t offset, std::string_view bytes);
// Exactly `size` bytes, or an error.
[[nodiscard]] Result<std::string> read_exactly(DiskFile& file, std::uint64_t offset,
                                               std::size_t size);

class RealDisk final : public Disk {
 public:
  // Takes the lock file `lock` in the directory for as long as it lives: a second queued waits
  // outside (transient). Refuses NFS, where neither locks nor fdatasync can be trusted (permanent).
  [[nodiscard]] static Result<std::unique_ptr<RealDisk>> open_directory(
      const std::string& directory);
  // A directory beside the queue's, without a lock and whatever the file system: of what may be
  // lost. Made if `make`; null: there is none.
  [[nodiscard]] static Result<std::unique_ptr<Disk>> open_folder(const std::string& directory,
                                                                 bool make);
  // Why the file system is a poor one for a queue (copy-on-write); empty if it is not.
  const std::string& warning() const { return warning_; }

  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override;
  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override;
  Result<Fd> open_read_only(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> unlink(const std::string& name) override;
  Result<std::vector<std::string>> list() override;
  Result<void> sync_directory() override;
  Result<std::uint64_t> free_bytes() override;

 private:
  RealDisk(Fd directory, Fd lock, std::string path, std::string warning);
  Fd directory_;
  Fd lock_;
  std::string path_;
  std::string warning_;
};

}  // namespace toast::queue
