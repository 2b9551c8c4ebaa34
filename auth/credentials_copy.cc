#include "auth/credentials_copy.h"

namespace toast::auth {
namespace {

constexpr std::size_t kAccountsAtOnce = 1000;

Result<void> copy_one(CredentialsRepository& from, CredentialsRepository& to,
                      const std::string& account) {
  Result<std::optional<Credential>> credential = from.find(account);
  if (!credential) return pass(credential);
  if (!*credential) return {};  // deleted since it was listed
  Result<void> put = to.put(account, (*credential)->hash, (*credential)->changed);
  if (!put) return put;
  if ((*credential)->state != CredentialState::active) {
    Result<bool> set = to.set_state(account, (*credential)->state);
    if (!set) return pass(set);
  }
  Result<std::vector<LastLogin>> logins = from.last_logins(account);
  if (!logins) return pass(logins);
  if (Result<void> recorded = to.record_logins(*logins); !recorded) return recorded;
  Result<std::optional<Credential>> copied = to.find(account);
  if (!copied) return pass(copied);
  if (*copied != *credential) return transient("what was written is not what is read back");
  return {};
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
