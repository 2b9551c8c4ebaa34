// The credentials through a child process that has become the owner of db-auth/ for good, so that
// root never opens that database and this process is free to become the owner of db/.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "admin-cli/instance.h"
#include "auth/credentials_repository.h"
#include "base/fd.h"

namespace toast::admin {

class CredentialsProcess final : public auth::CredentialsRepository {
 public:
  using Repository = std::unique_ptr<auth::CredentialsRepository>;
  // Forks; the child opens the repository by `open` when it has become the owner. Call it while
  // this process is still root and has one thread.
  [[nodiscard]] static Result<Repository> start(const std::function<Repository()>& open,
                                                const Owner& owner);
  ~CredentialsProcess() override;

  Result<std::optional<auth::Credential>> find(const std::string& account) override;
  Result<void> put(const std::string& account, const std::string& hash, WallTime now) override;
  Result<void> put_all(std::span<const auth::NewCredential> credentials, WallTime now) override;
  Result<bool> put_scram(const std::string& account, const std::string& hash,
                         const std::string& scram) override;
  Result<bool> set_reversible(const std::string& account, bool reversible) override;
  Result<bool> set_state(const std::string& account, auth::CredentialState state) override;
  Result<std::vector<auth::AppPassword>> app_passwords(const std::string& account) override;
  Result<void> put_app_password(const std::string& account,
                                const auth::AppPassword& password) override;
  Result<bool> remove_app_password(const std::string& account, const std::string& name) override;
  Result<bool> remove(const std::string& account) override;
  Result<std::vector<auth::LastLogin>> last_logins(const std::string& account) override;
  // Of no use to toastctl: permanent errors.
  Result<bool> replace_hash(const std::string&, const std::string&, const std::string&) override;
  Result<std::optional<auth::AppPassword>> find_app_password(const std::string&,
                                                             const std::string&) override;
  Result<bool> put_sealed(const std::string&, const std::string&, const std::string&) override;
  Result<std::string> secret(const std::string&, const std::string&) override;
  Result<void> record_logins(std::span<const auth::LastLogin>) override;
  Result<std::vector<std::string>> accounts(const std::string&, std::size_t) override;

 private:
  CredentialsProcess(Fd socket, pid_t child) : socket_(std::move(socket)), child_(child) {}
  // One request, one reply; the reply's payload after its success mark.
  Result<std::string> ask(std::string request);
  Result<bool> ask_whether(std::string request);
  Fd socket_;
  pid_t child_;
};

}  // namespace toast::admin
