// How the repository's files word their refusals and fill in the audit. Internal to vdomain/.
#pragma once

#include <string>
#include <utility>

#include "vdomain/directory_repository.h"

namespace toast::vdomain::change {

inline Change refused(Change::Status status, std::string message) {
  return {status, std::move(message)};
}
inline Change unchanged(std::string message) {
  return {Change::Status::unchanged, std::move(message)};
}
// What adding something that is there already comes to. `differing` as differences() words it.
inline Change exists(const std::string& object, const std::string& differing) {
  if (differing.empty()) return unchanged(object + " exists already, and is so");
  return refused(Change::Status::conflict, object + " exists already: " + differing);
}
inline AuditEntry entry(std::string action, std::string object, std::optional<std::string> before,
                        std::optional<std::string> after) {
  return {.id = 0,
          .at = {},
          .actor = {},
          .action = std::move(action),
          .object = std::move(object),
          .before = std::move(before),
          .after = std::move(after)};
}

}  // namespace toast::vdomain::change
