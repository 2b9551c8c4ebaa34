#include "admin-cli/password_programs.h"

#include "auth/programs/program_account.h"
#include "base/settings_registry.h"
#include "mta/spawn/program_file.h"

namespace toast::admin {
namespace {

// Who its toastd runs as: root, or with --unprivileged the owner of the instance.
uid_t server_of(const Instance& instance) {
  const Wanted<Owner> owner = instance.owner_of("control");
  return owner ? owner->uid : 0;
}

}  // namespace

Wanted<std::optional<auth::CheckpasswordProgram>> program_for(const Instance& instance,
                                                              const Domain& domain) {
  const Wanted<Settings> settings = instance.settings();
  if (!settings) return tl::unexpected(settings.error());
  const auth::CheckpasswordPrograms::Read read =
      auth::CheckpasswordPrograms::read(*settings, setting::checkpasswordprograms);
  const auth::CheckpasswordProgram* program = read.programs.find(domain.str());
  if (program == nullptr) return std::nullopt;
  return *program;
}

tl::unexpected<Failure> refuse_password(const auth::CheckpasswordProgram& program) {
  const std::string& domain = program.domain.str();
  return fail(Exit::invalid, "password_elsewhere",
              "the passwords of " + domain + " are checked by " + program.path +
                  "; one that is set here would never be asked for",
              domain,
              "change it where that program looks; or take the line of " + domain +
                  " out of control/checkpasswordprograms");
}

std::vector<SettingProblem> program_problems(const Instance& instance, const Settings& settings) {
  return auth::check_programs(settings, setting::checkpasswordprograms, server_of(instance));
}

std::vector<std::string> unusable_programs(const Instance& instance, const Settings& settings) {
  std::vector<std::string> texts;
  const auth::CheckpasswordPrograms::Read read =
      auth::CheckpasswordPrograms::read(settings, setting::checkpasswordprograms);
  for (const auth::CheckpasswordProgram& program : read.programs.all()) {
    const Result<auth::ProgramAccount> account =
        auth::find_program_account(program.user, settings, server_of(instance));
    if (!account) continue;  // told by program_problems()
    const Result<void> sound = spawnd::check_program_file(program.path, account->uid);
    if (!sound)
      texts.push_back("the passwords of " + program.domain.str() +
                      " cannot be checked: " + sound.error().detail);
  }
  return texts;
}

}  // namespace toast::admin
