// authd's few writes, on one thread of their own with their own connection: a write waits for the
// disk and for other writers, which logins must not.
#pragma once

#include <asio/thread_pool.hpp>
#include <memory>
#include <string>
#include <vector>

#include "auth/credentials_repository.h"
#include "base/async.h"

namespace toast::auth {

class CredentialsWriter {
 public:
  // `repository` is used from the writer's thread only.
  explicit CredentialsWriter(CredentialsRepository& repository) : repository_(repository) {}
  ~CredentialsWriter() { thread_.join(); }  // what was begun is finished
  CredentialsWriter(const CredentialsWriter&) = delete;
  CredentialsWriter& operator=(const CredentialsWriter&) = delete;

  Task<Result<void>> record_logins(std::shared_ptr<const std::vector<LastLogin>> logins);
  Task<Result<bool>> replace_hash(std::string account, std::string from, std::string better);
  Task<Result<bool>> put_scram(std::string account, std::string hash, std::string scram);
  Task<Result<bool>> put_sealed(std::string account, std::string hash, std::string sealed);
  Task<Result<std::string>> secret(std::string name, std::string candidate);

 private:
  CredentialsRepository& repository_;
  asio::thread_pool thread_{1};
};

}  // namespace toast::auth
