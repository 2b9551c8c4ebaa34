// What the end of a checkpassword program means. Only exit 0 and exit 1 say something about the
// password; whatever else happened, nobody is told that his password is wrong.
#pragma once

#include <string>

#include "auth/programs/program_messages.h"

namespace toast::spawnd {

struct ExitVerdict {
  auth::CheckByProgram::Verdict verdict = auth::CheckByProgram::Verdict::unknown;
  std::string reason;  // of unknown, for the operator
};

// `wait_status` as waitpid(2) has it.
ExitVerdict exit_verdict(int wait_status);

}  // namespace toast::spawnd
