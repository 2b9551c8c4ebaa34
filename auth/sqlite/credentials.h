// The credentials repository on SQLite: one file, db-auth/credentials.db. A read is one prepared
// statement, about 10 microseconds, and never waits for a writer (WAL). The file is opened at first
// use and again after any failure or replacement, so an outage ends without a restart. Not safe for
// use by two threads: each has its own.
#pragma once

#include <optional>
#include <string>

#include "auth/credentials_repository.h"
#include "base/sqlite.h"

namespace toast::auth {

class SqliteCredentials final : public CredentialsRepository {
 public:
  SqliteCredentials(std::string path, sqlite::OpenOptions options);

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
  // Opens, or finds the open file still in place; `work` runs with the connection. After a failure
  // the next call opens anew.
  template <class Work>
  auto with(Work work) -> decltype(work(std::declval<sqlite::Connection&>()));
  template <class... Values>
  Result<bool> changes(const char* sql, const Values&... values);  // any row
  Result<void> make_ready();
  std::string path_;
  sqlite::OpenOptions options_;
  std::optional<sqlite::Connection> db_;
  std::int64_t data_version_ = 0;  // of db_ when its schema was last looked at
};

}  // namespace toast::auth
