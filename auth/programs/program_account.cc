#include "auth/programs/program_account.h"

#include <grp.h>
#include <pwd.h>

#include "base/settings_registry.h"

namespace toast::auth {
namespace {

constexpr int kMaxProgramGroups = 64;

// The setting that names `user`, or an account of the same number, as one of the server's own.
std::string own_account(const Settings& settings, const std::string& user, uid_t uid) {
  for (const SettingInfo* info : all_settings()) {
    if (!info->name.starts_with("user") || info->shape != LineShape::account) continue;
    const std::string own = settings.text(*info);
    if (own == user) return std::string(info->name);
    const passwd* entry = ::getpwnam(own.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
    if (entry != nullptr && entry->pw_uid == uid) return std::string(info->name);
  }
  return {};
}

}  // namespace

Result<ProgramAccount> find_program_account(const std::string& user, const Settings& settings,
                                            uid_t server) {
  const passwd* entry = ::getpwnam(user.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  if (entry == nullptr) return permanent("there is no account \"" + user + "\"");
  ProgramAccount account{entry->pw_uid, entry->pw_gid, std::vector<gid_t>(kMaxProgramGroups)};
  if (account.uid == 0)
    return permanent("account \"" + user + "\" is root; a program never runs as root");
  if (server != 0 && account.uid != server)
    return permanent(
        "this server does not run as root, so a program can only run as the account "
        "that it runs as itself, not as \"" +
        user + "\"");
  int count = kMaxProgramGroups;
  if (::getgrouplist(user.c_str(), account.gid, account.groups.data(), &count) < 0)
    return permanent("account \"" + user + "\" is in too many groups");
  account.groups.resize(static_cast<std::size_t>(count));
  if (server != 0) return account;
  const std::string own = own_account(settings, user, account.uid);
  if (!own.empty())
    return permanent("account \"" + user + "\" is one of the server's own (control/" + own +
                     "); give the program another one");
  return account;
}

std::vector<SettingProblem> check_programs(const Settings& settings, const ListSetting& from,
                                           uid_t server) {
  CheckpasswordPrograms::Read read = CheckpasswordPrograms::read(settings, from);
  for (const CheckpasswordProgram& program : read.programs.all()) {
    Result<ProgramAccount> account = find_program_account(program.user, settings, server);
    if (!account)
      read.problems.push_back(
          {false, std::string(from.name), program.line, std::move(account.error().detail)});
  }
  return std::move(read.problems);
}

}  // namespace toast::auth
