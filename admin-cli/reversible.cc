#include "admin-cli/reversible.h"

#include "admin-cli/arguments.h"

namespace toast::admin {

std::string_view reversible_state(const auth::Credential& credential) {
  if (!credential.reversible) return "off";
  return credential.sealed.empty() ? "awaited" : "kept";
}

Wanted<bool> would_switch_reversible(Accounts& accounts, const std::string& account, bool on) {
  const auto credential = accounts.credentials->find(account);
  if (!credential) return fail(credential.error(), accounts.instance.path("db-auth"));
  if (*credential) return (*credential)->reversible != on;
  if (!on) return false;
  return fail(Exit::invalid, "no_password", account + " has no password that could be kept",
              account, "toastctl mailbox passwd " + account);
}

Wanted<bool> switch_reversible(Context& context, Accounts& accounts, const std::string& account,
                               bool on) {
  const Result<bool> done = accounts.credentials->set_reversible(account, on);
  if (!done) return fail(done.error(), accounts.instance.path("db-auth"));
  record_change(context, accounts, on ? "mailbox.reversible.on" : "mailbox.reversible.off",
                account);
  return *done;
}

}  // namespace toast::admin
