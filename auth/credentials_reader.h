// How authd reads a credential at every login. Asynchronous, because a store over the network will
// be; SQLite answers in 10 microseconds, so there the call is made on the spot, without a thread
// hop.
#pragma once

#include <asio/thread_pool.hpp>
#include <memory>
#include <mutex>
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
  virtual Task<Result<std::optional<AppPassword>>> find_app_password(std::string account,
                                                                     std::string hash) = 0;
  virtual Task<Result<std::vector<LastLogin>>> last_logins(std::string account) = 0;
};

class InlineCredentialsReader final : public CredentialsReader {
 public:
  explicit InlineCredentialsReader(CredentialsRepository& repository) : repository_(repository) {}
  Task<Result<std::optional<Credential>>> find(std::string account) override {
    co_return repository_.find(account);
  }
  Task<Result<std::optional<AppPassword>>> find_app_password(std::string account,
                                                             std::string hash) override {
    co_return repository_.find_app_password(account, hash);
  }
  Task<Result<std::vector<LastLogin>>> last_logins(std::string account) override {
    co_return repository_.last_logins(account);
  }

 private:
  CredentialsRepository& repository_;
};

// Logins that wait for an answer of the database: with a slow one more would only wait in vain.
inline constexpr std::size_t kMaxWaitingReads = 1024;

// For a store over the network: as many threads as repositories, each question on one of each.
class PooledCredentialsReader final : public CredentialsReader {
 public:
  explicit PooledCredentialsReader(
      std::vector<std::unique_ptr<CredentialsRepository>> repositories);
  ~PooledCredentialsReader() override;
  Task<Result<std::optional<Credential>>> find(std::string account) override;
  Task<Result<std::optional<AppPassword>>> find_app_password(std::string account,
                                                             std::string hash) override;
  Task<Result<std::vector<LastLogin>>> last_logins(std::string account) override;

 private:
  template <class Value, class Work>
  Task<Result<Value>> ask(Work work);
  CredentialsRepository* take();
  void give_back(CredentialsRepository* repository);

  std::vector<std::unique_ptr<CredentialsRepository>> repositories_;
  std::mutex mutex_;
  std::vector<CredentialsRepository*> idle_;
  std::size_t waiting_ = 0;  // of the I/O thread
  asio::thread_pool threads_;
};

}  // namespace toast::auth
