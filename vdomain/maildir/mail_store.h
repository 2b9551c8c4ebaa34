// mail/ and the Maildirs below it, opened so that nothing outside can be reached: every path is
// walked by the kernel with RESOLVE_BENEATH and without following a symbolic link (spread mail over
// disks with mounts, not with links). Descriptors of Maildirs in use are kept, a bounded number.
#pragma once

#include <sys/types.h>

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "vdomain/maildir/file_system.h"
#include "vdomain/maildir/maildir_path.h"

namespace toast::maildir {

inline constexpr std::chrono::hours kTmpLifetime{36};  // qmail's rule for abandoned files in tmp/

// openat2 with RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_MAGICLINKS: a descriptor or -errno.
int open_beneath(int directory, const char* path, int flags);

// The three directories, open for reading. Shared by the jobs that use them at one time.
struct OpenMaildir {
  Fd top;
  Fd tmp;
  Fd new_mail;
  dev_t device = 0;  // of new/, to see whether the path still leads here
  ino_t inode = 0;
};

class MailStore {
 public:
  // `max_open`: Maildirs kept open, three descriptors each.
  MailStore(Fd root, FileSystem& files, const Clock& clock, std::size_t max_open);

  // The Maildir at `path`; made, with its parents, if it is not there. A kept descriptor is used
  // only while the path still leads to the same directory: a mailbox renamed away, or deleted and
  // made anew, gets its own mail.
  [[nodiscard]] Result<std::shared_ptr<const OpenMaildir>> open_or_create(const MaildirPath& path);
  // For readers: nullptr if there is no Maildir yet (nothing was ever delivered).
  [[nodiscard]] Result<Fd> open_directory(const MaildirPath& path, const char* within);
  int root() const { return root_.get(); }
  FileSystem& files() { return files_; }
  const Clock& clock() const { return clock_; }

 private:
  struct Kept {
    MaildirPath path;
    std::shared_ptr<const OpenMaildir> maildir;
  };
  std::shared_ptr<const OpenMaildir> find_kept(const MaildirPath& path);
  void keep(const MaildirPath& path, std::shared_ptr<const OpenMaildir> maildir);
  bool still_leads_to(const MaildirPath& path, const OpenMaildir& maildir) const;
  Result<std::shared_ptr<const OpenMaildir>> open_existing(const MaildirPath& path);
  Result<void> create(const MaildirPath& path);
  Result<Fd> make_and_open(const Fd& parent, const std::string& name, unsigned mode);

  Fd root_;
  FileSystem& files_;
  const Clock& clock_;
  std::size_t max_open_;
  std::mutex mutex_;
  std::list<Kept> kept_;  // most recently used first
  std::unordered_map<std::string, std::list<Kept>::iterator> by_path_;
};

// Removes what died half-written: regular files in tmp/ untouched for kTmpLifetime. Returns how
// many. Reads `tmp` through a descriptor of its own.
std::size_t sweep_tmp(FileSystem& files, const Fd& tmp, WallTime now);

}  // namespace toast::maildir
