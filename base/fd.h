// The one owner of a file descriptor. close() appears here and nowhere else.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace toast {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// A connected pair of stream sockets, both close-on-exec and non-blocking.
struct SocketPair {
  Fd left;
  Fd right;
};
[[nodiscard]] Result<SocketPair> make_socket_pair();

// open(2) and openat(2) with O_CLOEXEC added; EINTR is retried.
[[nodiscard]] Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0);
[[nodiscard]] Result<Fd> open_file_at(const Fd& directory, const std::string& name, int flags,
                                      unsigned mode = 0);
[[nodiscard]] Result<Fd> duplicate(const Fd& fd);

// Whole reads and writes on blocking descriptors; short counts and EINTR are handled.
[[nodiscard]] Result<void> write_all(const Fd& fd, std::string_view bytes, std::string_view name);
// Reads to the end of file; more than max_bytes is an error.
[[nodiscard]] Result<std::string> read_all(const Fd& fd, std::size_t max_bytes,
                                           std::string_view name);
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Writes `path` so that after a crash there is the old content or the new, never a part:
// temporary file beside it, fsync, rename, fsync of the directory.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view content,
                                        unsigned mode);
[[nodiscard]] Result<void> sync_directory(const std::string& path);

}  // namespace toast
