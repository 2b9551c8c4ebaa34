// What is in the queue, one line a message, in the manner of qmail-qread.
#pragma once

#include "mta/compat/program.h"

namespace toast::compat {

// Only root and the owner of the instance are told; others get a clear message and 100.
int run_mailq(const Invocation& program);

}  // namespace toast::compat
