#include "auth/credentials_copy.h"

namespace toast::auth {
namespace {

constexpr std::size_t kAccountsAtOnce = 1000;

Error not_the_same() {
  return {Failure::transient, {}, "what was written is not what is read back"};
}

Result<void> copy_own(CredentialsRepository& from, CredentialsRepository& to,
                      const std::string& account) {
  Result<std::optional<Credential>> credential = from.find(account);
  if (!credential) return pass(credential);
  if (!*credential) return {};  // deleted since it was listed, or app passwords alone
  Result<void> put = to.put(account, (*credential)->hash, (*credential)->changed);
  if (!put) return put;
  if (!(*credential)->scram.empty()) {
    Result<bool> scram = to.put_scram(account, (*credential)->hash, (*credential)->scram);
    if (!scram) return pass(scram);
  }
  // Sealed for this account and hash, by the key of this instance: it opens wherever it is stored.
  Result<bool> may = to.set_reversible(account, (*credential)->reversible);
  if (!may) return pass(may);
  if (!(*credential)->sealed.empty()) {
    Result<bool> sealed = to.put_sealed(account, (*credential)->hash, (*credential)->sealed);
    if (!sealed) return pass(sealed);
  }
  if ((*credential)->state != CredentialState::active) {
    Result<bool> set = to.set_state(account, (*credential)->state);
    if (!set) return pass(set);
  }
  Result<std::optional<Credential>> copied = to.find(account);
  if (!copied) return pass(copied);
  if (*copied != *credential) return tl::unexpected(not_the_same());
  return {};
}

Result<void> copy_app_passwords(CredentialsRepository& from, CredentialsRepository& to,
                                const std::string& account) {
  Result<std::vector<AppPassword>> passwords = from.app_passwords(account);
  if (!passwords) return pass(passwords);
  for (const AppPassword& password : *passwords)
    if (Result<void> put = to.put_app_password(account, password); !put) return put;
  Result<std::vector<AppPassword>> copied = to.app_passwords(account);
  if (!copied) return pass(copied);
  if (*copied != *passwords) return tl::unexpected(not_the_same());
  return {};
}

Result<void> copy_one(CredentialsRepository& from, CredentialsRepository& to,
                      const std::string& account) {
  if (Result<void> own = copy_own(from, to, account); !own) return own;
  if (Result<void> apps = copy_app_passwords(from, to, account); !apps) return apps;
  Result<std::vector<LastLogin>> logins = from.last_logins(account);
  if (!logins) return pass(logins);
  return to.record_logins(*logins);
}

}  // namespace

Result<std::uint64_t> copy_credentials(CredentialsRepository& from, CredentialsRepository& to) {
  std::uint64_t count = 0;
  std::string last;
  for (;;) {
    Result<std::vector<std::string>> accounts = from.accounts(last, kAccountsAtOnce);
    if (!accounts) return pass(accounts);
    for (const std::string& account : *accounts) {
      Result<void> copied = copy_one(from, to, account);
      if (!copied) return pass(copied, "password of " + account);
      ++count;
    }
    if (accounts->size() < kAccountsAtOnce) return count;
    last = accounts->back();
  }
}

}  // namespace toast::auth
