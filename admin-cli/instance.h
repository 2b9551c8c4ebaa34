// An instance as toastctl finds it: its folders, its settings, and who owns its stores.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "admin-cli/failure.h"
#include "base/settings.h"

namespace toast::admin {

struct Owner {
  uid_t uid = 0;
  gid_t gid = 0;
};

class Instance {
 public:
  // `root` as typed; it must be a folder that looks like an instance.
  static Wanted<Instance> open(const std::string& root);

  const std::string& root() const { return root_; }
  std::string path(std::string_view below) const { return root_ + "/" + std::string(below); }
  std::string directory_database() const { return path("db/directory.db"); }
  std::string credentials_database() const { return path("db-auth/credentials.db"); }
  // All of control/; an error there is a failure that names the file and toastctl config check.
  Wanted<Settings> settings() const;
  Wanted<Owner> owner_of(std::string_view below) const;

 private:
  explicit Instance(std::string root) : root_(std::move(root)) {}
  std::string root_;  // absolute
};

// Becomes the owner for good, when this process is root and the owner is not: what a database file
// could do to its reader it then does with its owner's rights. Exits are not affected.
[[nodiscard]] Result<void> become(const Owner& owner);
// Runs `work` as the owner, in a child process where that takes one.
[[nodiscard]] Result<void> run_as(const Owner& owner, const std::function<Result<void>()>& work);

}  // namespace toast::admin
