#include "vdomain/maildir/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace toast::maildir {
namespace {

template <class Call>
int retried(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0) return static_cast<int>(result);
    if (errno != EINTR) return -errno;
  }
}

int link_and_unlink(int from, int to, const char* name) {
  const int linked = retried([&] { return ::linkat(from, name, to, name, 0); });
  if (linked < 0) return linked;
  // A crash here leaves the same file under both names; the one in tmp/ is swept later.
  return retried([&] { return ::unlinkat(from, name, 0); });
}

}  // namespace

int FileSystem::create_file(int directory, const char* name) {
  return retried([&] {
    return ::openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  });
}

int FileSystem::write_all(int file, std::span<iovec> pieces) {
  while (!pieces.empty()) {
    const ssize_t n = ::writev(file, pieces.data(), static_cast<int>(pieces.size()));
    if (n < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    auto done = static_cast<std::size_t>(n);
    while (!pieces.empty() && done >= pieces.front().iov_len) {
      done -= pieces.front().iov_len;
      pieces = pieces.subspan(1);
    }
    if (!pieces.empty()) {
      pieces.front().iov_base = static_cast<char*>(pieces.front().iov_base) + done;
      pieces.front().iov_len -= done;
    }
  }
  return 0;
}

int FileSystem::start_writeback(int file) {
  return retried([&] { return ::sync_file_range(file, 0, 0, SYNC_FILE_RANGE_WRITE); });
}

// Not retried after EINTR's cousins: after a failed fsync the kernel may have dropped the pages,
// and a second fsync would report success for data that is gone.
int FileSystem::sync_file(int file) { return ::fsync(file) == 0 ? 0 : -errno; }

int FileSystem::sync_directory(int directory) { return ::fsync(directory) == 0 ? 0 : -errno; }

int FileSystem::publish(int from_directory, int to_directory, const char* name) {
  const int renamed = retried(
      [&] { return ::renameat2(from_directory, name, to_directory, name, RENAME_NOREPLACE); });
  if (renamed == -EINVAL || renamed == -ENOSYS || renamed == -EOPNOTSUPP)
    return link_and_unlink(from_directory, to_directory, name);
  return renamed;
}

int FileSystem::remove_file(int directory, const char* name) {
  return retried([&] { return ::unlinkat(directory, name, 0); });
}

int FileSystem::make_directory(int parent, const char* name, unsigned mode) {
  return retried([&] { return ::mkdirat(parent, name, mode); });
}

int FileSystem::append(int file, const void* bytes, std::size_t size) {
  const int written = retried([&] { return ::write(file, bytes, size); });
  if (written >= 0 && static_cast<std::size_t>(written) != size) return -ENOSPC;
  return written < 0 ? written : 0;
}

}  // namespace toast::maildir
