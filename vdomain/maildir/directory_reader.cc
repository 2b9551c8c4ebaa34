#include "vdomain/maildir/directory_reader.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace toast::maildir {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;  // some 700 of our names; stays in the L2 cache

EntryType type_of(unsigned char type) {
  switch (type) {
    case DT_REG:
      return EntryType::regular;
    case DT_DIR:
      return EntryType::directory;
    case DT_UNKNOWN:
      return EntryType::unknown;
    default:
      return EntryType::other;
  }
}

}  // namespace

DirectoryReader::DirectoryReader(int directory)
    : directory_(directory), buffer_(new char[kBufferBytes]) {
  if (::lseek(directory_, 0, SEEK_SET) < 0) error_ = errno;
}

bool DirectoryReader::next(DirectoryEntry& entry) {
  for (;;) {
    if (error_ != 0) return false;
    if (at_ >= size_) {
      const long n = ::syscall(SYS_getdents64, directory_, buffer_.get(), kBufferBytes);
      if (n < 0) {
        if (errno == EINTR) continue;
        error_ = errno;
        return false;
      }
      if (n == 0) return false;
      size_ = static_cast<std::size_t>(n);
      at_ = 0;
    }
    const auto* record = reinterpret_cast<const dirent64*>(buffer_.get() + at_);
    at_ += record->d_reclen;
    const std::string_view name(record->d_name);
    if (name == "." || name == "..") continue;
    entry = {name, type_of(record->d_type)};
    return true;
  }
}

}  // namespace toast::maildir
