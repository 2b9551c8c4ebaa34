#include "vdomain/dotqmail_files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "vdomain/dotqmail.h"
#include "vdomain/model.h"

namespace toast::vdomain {

namespace {

bool means_absent(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }

// Links are followed, but not out of `directory`. Where the kernel is too old for that (before 5.6)
// links are not followed at all.
Fd open_beneath(const Fd& directory, const std::string& name) {
  open_how how{};
  // Not to hang on a FIFO that bears the name.
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, directory.get(), name.c_str(), &how, sizeof(how));
  if (fd >= 0) return Fd(static_cast<int>(fd));
  if (errno != ENOSYS) return {};
  return Fd(::openat(directory.get(), name.c_str(),
                     O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
}

tl::unexpected<Error> not_allowed(const std::string& folder) {
  return transient(
      fmt::format("no permission to look for dot-qmail files in {}: give toast-vdomaind's group "
                  "read and search "
                  "permission there (chgrp, chmod g+rx)",
                  folder));
}

Result<std::optional<DotQmailFile>> read_regular_file(const Fd& fd, const std::string& label) {
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return system_error("look at", label);
  if (!S_ISREG(st.st_mode)) return std::nullopt;  // as qmail: a directory or device is no file
  if ((st.st_mode & S_IWOTH) != 0)
    return transient(fmt::format("{} can be written by everybody: chmod o-w", label),
                     "4.7.0 try again later");
  Result<std::string> content = read_all(fd, kMaxDotQmailBytes, label);
  if (!content) {
    // Too large is the file's fault, and can be mended: the mail waits.
    content.error().failure = Failure::transient;
    return pass(content);
  }
  return DotQmailFile{std::move(*content), (st.st_mode & S_IXUSR) != 0};
}

}  // namespace

Result<std::optional<DotQmailFile>> DotQmailFiles::read(const Domain& domain,
                                                        const std::string& name) const {
  if (name.empty() || name.find('/') != std::string::npos) return std::nullopt;
  const std::string folder = mail_ + "/" + domain_directory(domain);
  const std::string label = folder + "/" + name;
  // Most have none: one system call instead of three.
  struct stat st {};
  if (::lstat(label.c_str(), &st) != 0 && means_absent(errno)) return std::nullopt;
  const Fd directory(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) {
    if (means_absent(errno)) return std::nullopt;
    if (errno == EACCES) return not_allowed(mail_);
    return system_error("open", folder);
  }
  const Fd file = open_beneath(directory, name);
  if (file) return read_regular_file(file, label);
  if (means_absent(errno) || errno == ENXIO) return std::nullopt;  // ENXIO: a socket
  if (errno == EXDEV || errno == ELOOP)
    return transient(
        fmt::format("{} is a link out of its domain's directory: replace it by the "
                    "file it means",
                    label));
  if (errno == ENAMETOOLONG) return std::nullopt;
  if (errno == EACCES) return not_allowed(folder);
  return system_error("open", label);
}

}  // namespace toast::vdomain
