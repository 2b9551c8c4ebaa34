// The account that a checkpassword program runs as. Never root's, and none of the server's own:
// what runs as one of those could open the store that this account keeps.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "auth/programs/checkpassword_programs.h"
#include "base/result.h"
#include "base/settings.h"

namespace toast::auth {

struct ProgramAccount {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // its own, as login(1) would set them: "shadow", say
};

// `server`: who toastd runs as. Where that is not root nobody can become somebody else, so the
// account has to be this one. Errors are permanent: what is wrong with the account.
[[nodiscard]] Result<ProgramAccount> find_program_account(const std::string& user,
                                                          const Settings& settings, uid_t server);

// What toastd would not start with: lines that cannot be read, accounts that cannot be used.
std::vector<SettingProblem> check_programs(const Settings& settings, const ListSetting& from,
                                           uid_t server);

}  // namespace toast::auth
