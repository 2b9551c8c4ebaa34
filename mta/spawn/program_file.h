// May this file be run as that account? Asked each time before it is, and by toastctl status.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace toast::spawnd {

// A regular file that somebody may execute; it and all folders above it belong to root or to the
// account itself, and nobody else may write them (into folders with the sticky bit: they may, but
// not replace what is there). Errors are permanent and name the file or folder.
[[nodiscard]] Result<void> check_program_file(const std::string& path, uid_t account);

}  // namespace toast::spawnd
