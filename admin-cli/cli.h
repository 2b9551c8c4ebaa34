// The whole command: words in, exit code out.
#pragma once

#include <string>
#include <vector>

#include "admin-cli/context.h"

namespace toast::admin {

// `words` without the program's name. Output goes to `out` and `err`.
int run_toastctl(const std::vector<std::string>& words, std::FILE* out, std::FILE* err,
                 Terminal& terminal, const Clock& clock, Random& random, vdomain::Actor actor,
                 const std::string& default_root);

}  // namespace toast::admin
