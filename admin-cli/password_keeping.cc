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

}  // namespace toast::admin
