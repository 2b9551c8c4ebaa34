#include "admin-cli/password_keeping.h"

#include "admin-cli/stores.h"
#include "auth/migrating_hasher.h"
#include "auth/set_password.h"
#include "base/settings_registry.h"

namespace toast::admin {

Wanted<Keeping> Keeping::by_settings(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Settings> settings = instance->settings();
  if (!settings) return tl::unexpected(settings.error());
  auth::start_sodium();
  Keeping keeping;
  keeping.hasher = std::make_unique<auth::MigratingHasher>(hash_cost(*settings), false);
  if (settings->get(setting::authscram) != "no") keeping.scram = &context.random;
  keeping.programs =
      auth::CheckpasswordPrograms::read(*settings, setting::checkpasswordprograms).programs;
  return keeping;
}

Result<void> store_password(auth::CredentialsRepository& credentials, const Keeping& keeping,
                            const std::string& account, const Password& password, WallTime now) {
  if (password.is_hash) return credentials.put(account, std::string(password.text.view()), now);
  return auth::set_password(credentials, *keeping.hasher, account, password.text, now,
                            keeping.scram);
}

Wanted<std::string> password_difference(Accounts& accounts, const Keeping& keeping,
                                        const Address& account, const Password& given) {
  const auto credential = accounts.credentials->find(account.str());
  if (!credential) return fail(credential.error(), accounts.instance.path("db-auth"));
  if (!*credential) return std::string("it has no password");
  if (given.generated) return std::string("it has a password that was not made up now");
  const Result<bool> same =
      given.is_hash ? Result<bool>(given.text.equals((*credential)->hash))
                    : auth::verify_password(*keeping.hasher, (*credential)->hash, given.text);
  if (!same && same.error().failure == toast::Failure::transient)
    return fail(same.error(), account.str());
  if (!same) return "its password cannot be compared: " + same.error().detail;
  return std::string(*same ? "" : "its password is another one");
}

}  // namespace toast::admin
