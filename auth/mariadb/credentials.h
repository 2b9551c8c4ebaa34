// The credentials repository in a MariaDB database. It connects at first use and again after a
// loss, so an outage ends without a restart. Not safe for use by two threads: each has its own.
#pragma once

#include <memory>

#include "auth/credentials_repository.h"
#include "base/mariadb/database.h"

namespace toast::auth {

class MariadbCredentials final : public CredentialsRepository {
 public:
  explicit MariadbCredentials(std::shared_ptr<mariadb::Servers> servers);

  Result<std::optional<Credential>> find(const std::string& account) override;
  Result<void> put(const std::string& account, const std::string& hash, WallTime now) override;
  Result<void> put_all(std::span<const NewCredential> credentials, WallTime now) override;
  Result<bool> replace_hash(const std::string& account, const std::string& from,
                            const std::string& better) override;
  Result<bool> put_scram(const std::string& account, const std::string& hash,
                         const std::string& scram) override;
  Result<bool> set_reversible(const std::string& account, bool reversible) override;
  Result<bool> put_sealed(const std::string& account, const std::string& hash,
                          const std::string& sealed) override;
  Result<bool> set_state(const std::string& account, CredentialState state) override;
  Result<std::vector<AppPassword>> app_passwords(const std::string& account) override;
  Result<std::optional<AppPassword>> find_app_password(const std::string& account,
                                                       const std::string& hash) override;
  Result<void> put_app_password(const std::string& account, const AppPassword& password) override;
  Result<bool> remove_app_password(const std::string& account, const std::string& name) override;
  Result<bool> remove(const std::string& account) override;
  Result<void> record_logins(std::span<const LastLogin> logins) override;
  Result<std::vector<LastLogin>> last_logins(const std::string& account) override;
  Result<std::string> secret(const std::string& name, const std::string& candidate) override;
  Result<std::vector<std::string>> accounts(const std::string& after, std::size_t limit) override;

 private:
  // A transaction that lost to another writer at the same moment (a deadlock; in a Galera cluster,
  // a change that another node was first with) is begun anew.
  template <class Work>
  auto whole(Work work) -> decltype(work());

  mariadb::Database db_;
};

}  // namespace toast::auth
