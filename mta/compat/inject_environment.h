// The environment and the control files of qmail-inject, as InjectOptions.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "mta/compat/inject.h"
#include "mta/compat/program.h"

namespace toast::compat {

// Reads control/me, defaulthost, defaultdomain, plusdomain, idhost of the instance;
// QMAILDEFAULTHOST and its like go before them. Error: no instance, or a file that cannot be used.
[[nodiscard]] Result<InjectOptions> read_inject_options(const Invocation& program,
                                                        const Clock& clock);

}  // namespace toast::compat
