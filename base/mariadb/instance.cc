#include "base/mariadb/instance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

namespace toast::mariadb {
namespace {

Result<Secret> read_password(const std::string& path) {
  Result<Fd> file = open_file(path, O_RDONLY | O_NONBLOCK);
  if (!file) return pass(file, "no password for MariaDB (toastctl schema grants makes one)");
  struct stat status {};
  if (::fstat(file->get(), &status) != 0) return system_error("stat", path);
  if (!S_ISREG(status.st_mode)) return permanent(path + ": not a regular file");
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return permanent(fmt::format("{}: mode {:04o} lets others read it: chmod 0400 {}", path,
                                 status.st_mode & 07777U, path));
  Result<std::string> text = read_all(*file, kMaxPasswordFile, path);
  if (!text) return pass(text);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return Secret::take(*text);
}

}  // namespace

Result<Options> options_of(const Place& place, const Role& role, const std::string& root,
                           const Patience& patience) {
  const std::string folder = fmt::format("{}/{}/", root, role.folder);
  Options options;
  for (const Endpoint& endpoint : place.servers)
    options.servers.push_back({.socket = {}, .endpoint = endpoint});
  if (options.servers.empty()) options.servers.push_back({.socket = place.socket, .endpoint = {}});
  options.database = place.database;
  options.user = role.user;
  Result<Secret> password = read_password(folder + kPasswordFile);
  if (!password) return pass(password);
  options.password = std::move(*password);
  if (::access((folder + kCaFile).c_str(), F_OK) == 0) options.ca_file = folder + kCaFile;
  options.patience = patience;
  return options;
}

}  // namespace toast::mariadb
