#include "mta/takeover/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace toast::takeover {
namespace {

bool is_missing(int error) { return error == ENOENT || error == ENOTDIR; }

// Links are followed: a queue may lie on several disks.
Result<bool> is_folder(const dirent& entry, const std::string& path) {
  if (entry.d_type == DT_DIR) return true;
  if (entry.d_type == DT_REG) return false;
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return S_ISDIR(status.st_mode);
  if (is_missing(errno)) return false;
  return system_error("stat", path);
}

}  // namespace

Result<std::vector<Files::Entry>> Files::list(const std::string& path) {
  struct Close {
    void operator()(DIR* d) const { ::closedir(d); }
  };
  const std::unique_ptr<DIR, Close> stream(::opendir(path.c_str()));
  if (!stream && is_missing(errno)) return permanent("there is no folder " + path);
  if (!stream) return system_error("list", path);
  std::vector<Entry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string name(entry->d_name);
    if (name == "." || name == "..") continue;
    Result<bool> folder = is_folder(*entry, path + "/" + name);
    if (!folder) return pass(folder);
    entries.push_back({name, *folder});
  }
  if (errno != 0) return system_error("list", path);
  return entries;
}

Result<Fd> Files::open(const std::string& path) { return open_file(path, O_RDONLY); }

Result<std::optional<Fd>> Files::open_if_there(const std::string& path) {
  for (;;) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return std::optional(Fd(fd));
    if (is_missing(errno)) return std::optional<Fd>();
    if (errno != EINTR) return system_error("open", path);
  }
}

Result<Files::Status> Files::status(const Fd& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error("stat", path);
  return Status{status.st_mtim.tv_sec, static_cast<std::uint64_t>(status.st_size)};
}

Result<std::string> Files::read(const Fd& file, std::size_t max_bytes, const std::string& path) {
  return read_all(file, max_bytes, path);
}

Result<std::string> Files::read_front(const Fd& file, std::size_t bytes, const std::string& path) {
  std::string front(bytes, '\0');
  for (;;) {
    const ssize_t got = ::pread(file.get(), front.data(), front.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path);
    front.resize(static_cast<std::size_t>(got));
    return front;
  }
}

}  // namespace toast::takeover
