// How authd reads a credential at every login. Asynchronous, because a store over the network will
// be; SQLite answers in 10 microseconds, so there the call is made on the spot, without a thread
// hop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "auth/credentials_repository.h"
#include "base/async.h"

namespace toast::auth {

class CredentialsReader {
 public:
  virtual ~CredentialsReader() = default;
  virtual Task<Result<std::optional<Credential>>> find(std::string account) = 0;
  virtual Task<Result<std::vector<LastLogin>>> last_logins(std::string account) = 0;
};

class InlineCredentialsReader final : public CredentialsReader {
 public:
  explicit InlineCredentialsReader(CredentialsRepository& repository) : repository_(repository) {}
  Task<Result<std::optional<Credential>>> find(std::string account) override {
    co_return repository_.find(account);
  }
  Task<Result<std::vector<LastLogin>>> last_logins(std::string account) override {
    co_return repository_.last_logins(account);
  }

 private:
  CredentialsRepository& repository_;
};

}  // namespace toast::auth
