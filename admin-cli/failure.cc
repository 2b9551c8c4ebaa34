#include "admin-cli/failure.h"

namespace toast::admin {

// The texts of base/ name the object, the reason and the repair; here is only told apart what is
// worth trying again.
tl::unexpected<Failure> fail(const Error& error, std::string object) {
  const auto says = [&error](std::string_view words) {
    return error.detail.find(words) != std::string::npos;
  };
  if (says("is locked"))
    return fail(Exit::temporary, "busy", error.detail, std::move(object),
                "somebody else is writing; run the same command again");
  for (const std::string_view away : {"cannot be reached", "connection was lost",
                                      "has no connection left", "is read-only (", "too slow"})
    if (says(away))
      return fail(Exit::temporary, "database_away", error.detail, std::move(object),
                  "run the same command again when the database server is back");
  if (says("Permission denied") || says("permission denied") || says("no permission"))
    return fail(Exit::permission, "permission_denied", error.detail, std::move(object),
                "run it as root, or as the user that owns the instance");
  if (says(" is missing"))
    return fail(Exit::failure, "database_missing", error.detail, std::move(object));
  if (says("is damaged"))
    return fail(Exit::failure, "database_damaged", error.detail, std::move(object));
  return fail(Exit::failure, "failed", error.detail, std::move(object));
}

}  // namespace toast::admin
