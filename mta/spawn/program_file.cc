#include "mta/spawn/program_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

namespace toast::spawnd {
namespace {

struct Free {
  void operator()(char* text) const { std::free(text); }
};

tl::unexpected<Error> cannot(const std::string& path, std::string why) {
  return permanent("cannot run " + path + ": " + std::move(why));
}

// Who may change what is at `path`; empty: nobody but root and the account.
std::string changed_by_others(const std::string& path, const struct stat& status, uid_t account) {
  if (status.st_uid != 0 && status.st_uid != account)
    return path + " belongs to user " + std::to_string(status.st_uid) +
           ", not to root or to the account that it runs as";
  const bool sticky_folder = S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky_folder)
    return "others may write " + path + " (chmod go-w)";
  return {};
}

Result<void> check_folders_above(const std::string& path, uid_t account) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash == 0 ? 1 : slash);
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) {
      Result<void> error = system_error("look at", folder);
      return cannot(path, std::move(error.error().detail));
    }
    std::string why = changed_by_others(folder, status, account);
    if (!why.empty()) return cannot(path, std::move(why));
  }
  return {};
}

}  // namespace

Result<void> check_program_file(const std::string& path, uid_t account) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return cannot(path, errno == ENOENT ? "there is no such file" : ::strerrordesc_np(errno));
  if (!S_ISREG(status.st_mode)) return cannot(path, "it is not a file");
  if ((status.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) == 0)
    return cannot(path, "it is not executable (chmod +x)");
  std::string why = changed_by_others(path, status, account);
  if (!why.empty()) return cannot(path, std::move(why));
  Result<void> as_written = check_folders_above(path, account);
  if (!as_written) return as_written;
  const std::unique_ptr<char, Free> real(::realpath(path.c_str(), nullptr));
  if (!real) return cannot(path, ::strerrordesc_np(errno));
  return check_folders_above(real.get(), account);
}

}  // namespace toast::spawnd
