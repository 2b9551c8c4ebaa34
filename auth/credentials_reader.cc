#include "auth/credentials_reader.h"

namespace toast::auth {

PooledCredentialsReader::PooledCredentialsReader(
    std::vector<std::unique_ptr<CredentialsRepository>> repositories)
    : repositories_(std::move(repositories)), threads_(repositories_.size()) {
  for (const auto& repository : repositories_) idle_.push_back(repository.get());
}

PooledCredentialsReader::~PooledCredentialsReader() {
  threads_.stop();
  threads_.join();
}

CredentialsRepository* PooledCredentialsReader::take() {
  const std::lock_guard lock(mutex_);
  CredentialsRepository* taken = idle_.back();  // as many as threads: one is always there
  idle_.pop_back();
  return taken;
}

void PooledCredentialsReader::give_back(CredentialsRepository* repository) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(repository);
}

template <class Value, class Work>
Task<Result<Value>> PooledCredentialsReader::ask(Work work) {
  if (waiting_ >= kMaxWaitingReads)
    co_return transient("too many logins wait for the credentials' database");
  ++waiting_;
  auto job = [this, work = std::move(work)]() -> Result<Value> {
    CredentialsRepository* repository = take();
    Result<Value> found = work(*repository);
    give_back(repository);
    return found;
  };
  Result<Value> found = co_await run_blocking(threads_, std::move(job));
  --waiting_;
  co_return found;
}

Task<Result<std::optional<Credential>>> PooledCredentialsReader::find(std::string account) {
  auto work = [account = std::move(account)](CredentialsRepository& r) { return r.find(account); };
  co_return co_await ask<std::optional<Credential>>(std::move(work));
}

Task<Result<std::optional<AppPassword>>> PooledCredentialsReader::find_app_password(
    std::string account, std::string hash) {
  auto work = [account = std::move(account), hash = std::move(hash)](CredentialsRepository& r) {
    return r.find_app_password(account, hash);
  };
  co_return co_await ask<std::optional<AppPassword>>(std::move(work));
}

Task<Result<std::vector<LastLogin>>> PooledCredentialsReader::last_logins(std::string account) {
  auto work = [account = std::move(account)](CredentialsRepository& r) {
    return r.last_logins(account);
  };
  co_return co_await ask<std::vector<LastLogin>>(std::move(work));
}

}  // namespace toast::auth
