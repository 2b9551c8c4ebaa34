#include "auth/sealing_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "auth/password_sealer.h"
#include "base/base64.h"
#include "base/fd.h"

namespace toast::auth {
namespace {

constexpr std::size_t kKeyFileBytes = 256;  // the key takes 45
constexpr unsigned kKeyFileMode = 0600;
constexpr mode_t kOthers = 077;

Result<Secret> read_key(const Fd& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return system_error("stat", path);
  if (!S_ISREG(status.st_mode) || (status.st_mode & kOthers) != 0)
    return permanent(path + " must be a file that nobody but its owner may read: chmod 600");
  Result<std::string> text = read_all(file, kKeyFileBytes, path);
  if (!text) return pass(text);
  if (text->ends_with('\n')) text->pop_back();
  std::optional<Secret> key = base64_decode(*text);
  wipe(*text);
  if (!key || key->size() != kSealingKeyBytes)
    return permanent(path + " is not one line of base64 that holds " +
                     std::to_string(kSealingKeyBytes) + " bytes");
  return std::move(*key);
}

// Whole or not at all, and never in place of another one: of two that make it at once one wins, and
// both read that one.
Result<void> make_key(const std::string& path, Random& random) {
  const std::string fresh = path + "." + std::to_string(random.u64());
  {
    Result<Fd> file = open_file(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kKeyFileMode);
    if (!file) return pass(file);
    std::string text = base64_encode(Secret::random(random, kSealingKeyBytes).view()) + "\n";
    Result<void> written = write_all(*file, text, fresh);
    wipe(text);
    if (written && ::fsync(file->get()) != 0) written = system_error("fsync", fresh);
    if (!written) {
      ::unlink(fresh.c_str());
      return written;
    }
  }
  const bool linked = ::link(fresh.c_str(), path.c_str()) == 0 || errno == EEXIST;
  Result<void> done;
  if (!linked) done = system_error("link", path);
  ::unlink(fresh.c_str());
  if (!done) return done;
  return sync_directory(path.substr(0, path.rfind('/')));
}

}  // namespace

Result<Secret> sealing_key(const std::string& path, Random& random) {
  Result<Fd> file = open_file(path, O_RDONLY | O_NOFOLLOW);
  if (!file && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (Result<void> made = make_key(path, random); !made) return pass(made);
    file = open_file(path, O_RDONLY | O_NOFOLLOW);
  }
  if (!file) return pass(file);
  return read_key(*file, path);
}

}  // namespace toast::auth
