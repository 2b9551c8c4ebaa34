// A queue directory that is only looked at: what the journal writes while it recovers stays in
// memory, and the files below are as they were. For the queue of a node that will not come back.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "mta/queue/journal/disk.h"

namespace toast::queue {

class OverlayDisk final : public Disk {
 public:
  // Takes the directory's lock, without writing. Transient: a process has this queue. Permanent: it
  // is no queue.
  [[nodiscard]] static Result<std::unique_ptr<OverlayDisk>> open_directory(
      const std::string& directory);

  Result<std::unique_ptr<DiskFile>> create(const std::string& name) override;
  Result<std::unique_ptr<DiskFile>> open(const std::string& name) override;
  // Only of a file that is there below.
  Result<Fd> open_read_only(const std::string& name) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> unlink(const std::string& name) override;
  Result<std::vector<std::string>> list() override;
  Result<void> sync_directory() override { return {}; }
  Result<std::uint64_t> free_bytes() override { return std::uint64_t{1} << 40U; }

 private:
  class File;
  struct Content;
  OverlayDisk(Fd directory, Fd lock) : directory_(std::move(directory)), lock_(std::move(lock)) {}
  Result<std::shared_ptr<Content>> find(const std::string& name);

  Fd directory_;
  Fd lock_;
  struct Entry {
    std::string below;                 // its name in the directory; empty: made here
    std::shared_ptr<Content> content;  // once opened
  };
  std::map<std::string, Entry> entries_;
};

}  // namespace toast::queue
