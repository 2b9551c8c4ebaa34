#include "vdomain/maildir/mail_store.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vdomain/maildir/directory_reader.h"

namespace toast::maildir {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY;
// The group of mail/ (given to new directories by its set-group-id bit) is vdomaind's, which reads
// the .qmail-* files of a domain; what is below a mailbox is nobody's business.
constexpr unsigned kDomainMode = 0750;
constexpr unsigned kMailboxMode = 0700;

tl::unexpected<Error> maildir_error(std::string_view doing, const MaildirPath& path, int error) {
  tl::unexpected<Error> failed = system_error(doing, path.str(), error);
  if (error == ELOOP || error == EXDEV)
    failed.value().detail += " (a symbolic link, or a way out of mail/)";
  failed.value().reply = "4.2.1 mailbox cannot be opened now";
  return failed;
}

}  // namespace

int open_beneath(int directory, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    // EAGAIN: something was renamed during the walk and the kernel could not prove it stays inside
    if (errno != EINTR && errno != EAGAIN) return -errno;
  }
}

MailStore::MailStore(Fd root, FileSystem& files, const Clock& clock, std::size_t max_open)
    : root_(std::move(root)),
      files_(files),
      clock_(clock),
      max_open_(std::max<std::size_t>(1, max_open)) {}

Result<std::shared_ptr<const OpenMaildir>> MailStore::open_or_create(const MaildirPath& path) {
  if (std::shared_ptr<const OpenMaildir> kept = find_kept(path)) return kept;
  Result<std::shared_ptr<const OpenMaildir>> opened = open_existing(path);
  if (opened && !*opened) {
    Result<void> created = create(path);
    if (!created) return pass(created);
    opened = open_existing(path);
    if (opened && !*opened) return maildir_error("open", path, ENOENT);
  }
  if (!opened) return opened;
  keep(path, *opened);
  return opened;
}

Result<Fd> MailStore::open_directory(const MaildirPath& path, const char* within) {
  const std::string full = path.str() + (*within == '\0' ? "" : "/") + within;
  const int fd = open_beneath(root_.get(), full.c_str(), kDirectoryFlags);
  if (fd == -ENOENT) return Fd{};
  if (fd < 0) return maildir_error("open", path, -fd);
  return Fd(fd);
}

bool MailStore::still_leads_to(const MaildirPath& path, const OpenMaildir& maildir) const {
  struct stat found {};
  const std::string new_mail = path.str() + "/new";
  return ::fstatat(root_.get(), new_mail.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
         found.st_dev == maildir.device && found.st_ino == maildir.inode;
}

std::shared_ptr<const OpenMaildir> MailStore::find_kept(const MaildirPath& path) {
  std::shared_ptr<const OpenMaildir> maildir;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_path_.find(path.str());
    if (found == by_path_.end()) return nullptr;
    kept_.splice(kept_.begin(), kept_, found->second);
    maildir = found->second->maildir;
  }
  if (still_leads_to(path, *maildir)) return maildir;
  const std::lock_guard lock(mutex_);
  const auto found = by_path_.find(path.str());
  if (found != by_path_.end() && found->second->maildir == maildir) {
    kept_.erase(found->second);
    by_path_.erase(found);
  }
  return nullptr;
}

void MailStore::keep(const MaildirPath& path, std::shared_ptr<const OpenMaildir> maildir) {
  std::list<Kept> dropped;  // closed after the lock is released
  const std::lock_guard lock(mutex_);
  const auto found = by_path_.find(path.str());
  if (found != by_path_.end()) {
    found->second->maildir = std::move(maildir);
    kept_.splice(kept_.begin(), kept_, found->second);
    return;
  }
  kept_.push_front({path, std::move(maildir)});
  by_path_[path.str()] = kept_.begin();
  while (kept_.size() > max_open_) {
    by_path_.erase(kept_.back().path.str());
    dropped.splice(dropped.begin(), kept_, std::prev(kept_.end()));
  }
}

Result<std::shared_ptr<const OpenMaildir>> MailStore::open_existing(const MaildirPath& path) {
  auto maildir = std::make_shared<OpenMaildir>();
  const int top = open_beneath(root_.get(), path.str().c_str(), kDirectoryFlags);
  if (top == -ENOENT) return nullptr;
  if (top < 0) return maildir_error("open", path, -top);
  maildir->top = Fd(top);
  const int tmp = open_beneath(top, "tmp", kDirectoryFlags);
  if (tmp == -ENOENT) return nullptr;
  if (tmp < 0) return maildir_error("open tmp of", path, -tmp);
  maildir->tmp = Fd(tmp);
  const int new_mail = open_beneath(top, "new", kDirectoryFlags);
  if (new_mail == -ENOENT) return nullptr;
  if (new_mail < 0) return maildir_error("open new of", path, -new_mail);
  maildir->new_mail = Fd(new_mail);
  struct stat identity {};
  if (::fstat(new_mail, &identity) != 0) return maildir_error("stat new of", path, errno);
  maildir->device = identity.st_dev;
  maildir->inode = identity.st_ino;
  sweep_tmp(files_, maildir->tmp, clock_.wall());
  return maildir;
}

Result<Fd> MailStore::make_and_open(const Fd& parent, const std::string& name, unsigned mode) {
  int fd = open_beneath(parent.get(), name.c_str(), kDirectoryFlags);
  if (fd == -ENOENT) {
    const int made = files_.make_directory(parent.get(), name.c_str(), mode);
    if (made < 0 && made != -EEXIST) return system_error("make directory", name, -made);
    const int synced = files_.sync_directory(parent.get());
    if (synced < 0) return system_error("sync directory above", name, -synced);
    fd = open_beneath(parent.get(), name.c_str(), kDirectoryFlags);
  }
  if (fd < 0) return system_error("open", name, -fd);
  return Fd(fd);
}

// Parents first, each durable before the next; then the three directories. cur/ is made before
// new/, because a Maildir without new/ counts as not there and is completed at the next try.
Result<void> MailStore::create(const MaildirPath& path) {
  Result<Fd> here = make_and_open(root_, path.components().front(), kDomainMode);
  const std::vector<std::string> components = path.components();
  for (std::size_t i = 1; here && i < components.size(); ++i)
    here = make_and_open(*here, components[i], kMailboxMode);
  if (!here) return pass(here, path.str());
  for (const char* name : {"tmp", "cur", "new"}) {
    Result<Fd> made = make_and_open(*here, name, kMailboxMode);
    if (!made) return pass(made, path.str());
  }
  return {};
}

std::size_t sweep_tmp(FileSystem& files, const Fd& tmp, WallTime now) {
  const auto oldest = unix_seconds(now - kTmpLifetime);
  std::size_t removed = 0;
  DirectoryReader reader(tmp.get());
  DirectoryEntry entry;
  while (reader.next(entry)) {
    struct stat found {};
    const std::string name(entry.name);
    if (::fstatat(tmp.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    // Access, change and status time, whichever is latest: mounts without access times are common,
    // and a restored backup brings old times of the other two.
    const time_t last =
        std::max({found.st_atim.tv_sec, found.st_mtim.tv_sec, found.st_ctim.tv_sec});
    if (!S_ISREG(found.st_mode) || last > oldest) continue;
    if (files.remove_file(tmp.get(), name.c_str()) == 0) ++removed;
  }
  return removed;
}

}  // namespace toast::maildir
