// The journal's directory through POSIX.
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "mta/queue/journal/disk.h"

namespace toast::queue {
namespace {

// f_type values, from linux/magic.h and the sources of ZFS and bcachefs.
constexpr std::uint64_t kNfs = 0x6969;
constexpr std::uint64_t kBtrfs = 0x9123683e;
constexpr std::uint64_t kZfs = 0x2fc12fc1;
constexpr std::uint64_t kBcachefs = 0xca451a4e;
constexpr unsigned kFileMode = 0600;
constexpr unsigned kDirectoryMode = 0700;

class RealFile final : public DiskFile {
 public:
  RealFile(Fd fd, std::string name) : fd_(std::move(fd)), name_(std::move(name)) {}

  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    for (;;) {
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) return system_error("write", name_);
    }
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    std::size_t got = 0;
    while (got < into.size()) {
      const ssize_t n = ::pread(fd_.get(), into.data() + got, into.size() - got,
                                static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return system_error("read", name_);
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

  // Not retried on any error, EINTR included: a second success would prove nothing.
  Result<void> sync_data() override {
    if (::fdatasync(fd_.get()) != 0) return system_error("fdatasync", name_);
    return {};
  }

  // Advice that Linux takes for pages that are clean.
  void forget_cache() override { (void)::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

  Result<std::uint64_t> size() override {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return system_error("stat", name_);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  Fd fd_;
  std::string name_;
};

Result<std::string> judge_file_system(const Fd& directory, const std::string& path) {
  struct statfs status {};
  if (::fstatfs(directory.get(), &status) != 0) return system_error("statfs", path);
  switch (static_cast<std::uint64_t>(status.f_type)) {
    case kNfs:
      return permanent(path + " is on NFS: a queue needs a local file system");
    case kBtrfs:
    case kZfs:
    case kBcachefs:
      return path +
             " is on a copy-on-write file system: a journal written in place is slow there and "
             "preallocated segments promise no space";
    default:
      return std::string();
  }
}

Result<Fd> take_lock(const Fd& directory, const std::string& path) {
  Result<Fd> lock = open_file_at(directory, "lock", O_RDWR | O_CREAT, kFileMode);
  if (!lock) return lock;
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return transient(path + "/lock is held: another process has this queue");
    return system_error("lock", path + "/lock");
  }
  return lock;
}

Result<std::unique_ptr<DiskFile>> as_file(Result<Fd> fd, const std::string& name) {
  if (!fd) return pass(fd);
  return disk_file(std::move(*fd), name);
}

}  // namespace

std::unique_ptr<DiskFile> disk_file(Fd fd, std::string name) {
  return std::make_unique<RealFile>(std::move(fd), std::move(name));
}

Result<std::unique_ptr<RealDisk>> RealDisk::open_directory(const std::string& directory) {
  Result<Fd> fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  // Only a lock that is held is worth waiting for.
  if (!fd) return permanent(fd.error().detail);
  Result<std::string> warning = judge_file_system(*fd, directory);
  if (!warning) return pass(warning);
  Result<Fd> lock = take_lock(*fd, directory);
  if (!lock) return pass(lock);
  return std::unique_ptr<RealDisk>(
      new RealDisk(std::move(*fd), std::move(*lock), directory, std::move(*warning)));
}

Result<std::unique_ptr<Disk>> RealDisk::open_folder(const std::string& directory, bool make) {
  if (make && ::mkdir(directory.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
    return system_error("make", directory);
  if (!make && ::access(directory.c_str(), F_OK) != 0 && errno == ENOENT)
    return std::unique_ptr<Disk>();
  Result<Fd> fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return pass(fd);
  return std::unique_ptr<Disk>(new RealDisk(std::move(*fd), Fd(), directory, {}));
}

RealDisk::RealDisk(Fd directory, Fd lock, std::string path, std::string warning)
    : directory_(std::move(directory)),
      lock_(std::move(lock)),
      path_(std::move(path)),
      warning_(std::move(warning)) {}

Result<std::unique_ptr<DiskFile>> RealDisk::create(const std::string& name) {
  return as_file(open_file_at(directory_, name, O_RDWR | O_CREAT | O_EXCL, kFileMode), name);
}

Result<std::unique_ptr<DiskFile>> RealDisk::open(const std::string& name) {
  return as_file(open_file_at(directory_, name, O_RDWR), name);
}

Result<Fd> RealDisk::open_read_only(const std::string& name) {
  return open_file_at(directory_, name, O_RDONLY);
}

Result<void> RealDisk::rename(const std::string& from, const std::string& to) {
  if (::renameat(directory_.get(), from.c_str(), directory_.get(), to.c_str()) != 0)
    return system_error("rename", from + " to " + to);
  return {};
}

Result<void> RealDisk::unlink(const std::string& name) {
  if (::unlinkat(directory_.get(), name.c_str(), 0) != 0) return system_error("unlink", name);
  return {};
}

Result<std::vector<std::string>> RealDisk::list() {
  Result<Fd> fd = open_file_at(directory_, ".", O_RDONLY | O_DIRECTORY);
  if (!fd) return pass(fd);
  struct Close {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  std::unique_ptr<DIR, Close> stream(::fdopendir(fd->get()));
  if (!stream) return system_error("list", path_);
  fd->release();  // the stream owns it now
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name(entry->d_name);
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) return system_error("list", path_);
  return names;
}

Result<void> RealDisk::sync_directory() {
  if (::fsync(directory_.get()) != 0) return system_error("fsync", path_);
  return {};
}

Result<std::uint64_t> RealDisk::free_bytes() {
  struct statvfs status {};
  if (::fstatvfs(directory_.get(), &status) != 0) return system_error("statvfs", path_);
  return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace toast::queue
