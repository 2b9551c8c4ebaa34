// Domains whose passwords a program checks (control/checkpasswordprograms): what toastctl says
// where it would set one, and whether the programs can be run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin-cli/instance.h"
#include "auth/programs/checkpassword_programs.h"
#include "base/settings.h"
#include "mta/message/domain.h"

namespace toast::admin {

// The program of a domain, by its name in the directory; none: its passwords are kept here.
Wanted<std::optional<auth::CheckpasswordProgram>> program_for(const Instance& instance,
                                                              const Domain& domain);

// For who wants to set a password that nobody would ask for.
tl::unexpected<Failure> refuse_password(const auth::CheckpasswordProgram& program);

// What toastd would not start with.
std::vector<SettingProblem> program_problems(const Instance& instance, const Settings& settings);
// Programs that would not be run as they are, one text each.
std::vector<std::string> unusable_programs(const Instance& instance, const Settings& settings);

}  // namespace toast::admin
