#include "base/fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace toast {

void Fd::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<SocketPair> make_socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) != 0)
    return system_error("socketpair", "");
  return SocketPair{Fd(fds[0]), Fd(fds[1])};
}

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return system_error("open", path);
  }
}

Result<Fd> open_file_at(const Fd& directory, const std::string& name, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::openat(directory.get(), name.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return system_error("open", name);
  }
}

Result<Fd> duplicate(const Fd& fd) {
  const int copy = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3);
  if (copy < 0) return system_error("duplicate descriptor", "");
  return Fd(copy);
}

Result<void> write_all(const Fd& fd, std::string_view bytes, std::string_view name) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return system_error("write", name);
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<std::string> read_all(const Fd& fd, std::size_t max_bytes, std::string_view name) {
  std::string content;
  constexpr std::size_t kStep = 65536;
  for (;;) {
    const std::size_t have = content.size();
    content.resize(have + kStep);
    const ssize_t n = ::read(fd.get(), content.data() + have, kStep);
    if (n < 0) {
      content.resize(have);
      if (errno == EINTR) continue;
      return system_error("read", name);
    }
    content.resize(have + static_cast<std::size_t>(n));
    if (n == 0) return content;
    if (content.size() > max_bytes)
      return permanent(std::string(name) + " is larger than " + std::to_string(max_bytes) +
                       " bytes");
  }
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return pass(fd);
  return read_all(*fd, max_bytes, path);
}

Result<void> sync_directory(const std::string& path) {
  Result<Fd> fd = open_file(path, O_RDONLY | O_DIRECTORY);
  if (!fd) return pass(fd);
  if (::fsync(fd->get()) != 0) return system_error("fsync", path);
  return {};
}

Result<void> replace_file(const std::string& path, std::string_view content, unsigned mode) {
  const std::string temporary = path + ".tmp";
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  Result<Fd> fd = open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);
  if (!fd) return pass(fd);
  Result<void> written = write_all(*fd, content, temporary);
  if (!written) return written;
  if (::fsync(fd->get()) != 0) return system_error("fsync", temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename", temporary);
  return sync_directory(directory);
}

}  // namespace toast
