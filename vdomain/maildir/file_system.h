// The system calls of a delivery, one virtual function each, so that a test can record their order,
// make one fail, or end the process right after it. This class is the real thing.
//
// Results are the call's own, or -errno. EINTR is retried where the call may be.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>

namespace toast::maildir {

class FileSystem {
 public:
  FileSystem() = default;
  virtual ~FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  // O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW, mode 0600: a descriptor.
  virtual int create_file(int directory, const char* name);
  // Writes everything.
  virtual int write_all(int file, std::span<iovec> pieces);
  // Starts writing back without waiting for it; promises nothing, only saves time later.
  virtual int start_writeback(int file);
  virtual int sync_file(int file);
  virtual int sync_directory(int directory);
  // Never replaces: -EEXIST. Where the kernel or the file system has no RENAME_NOREPLACE (NFS), a
  // hard link and an unlink: the link is what publishes, and it does not replace either.
  virtual int publish(int from_directory, int to_directory, const char* name);
  virtual int remove_file(int directory, const char* name);
  virtual int make_directory(int parent, const char* name, unsigned mode);
  // Appends in one write(2) to a file opened with O_APPEND.
  virtual int append(int file, const void* bytes, std::size_t size);
};

}  // namespace toast::maildir
