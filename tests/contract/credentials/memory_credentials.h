// The credentials repository in memory, for tests of its callers. It passes the same contract suite
// as the real ones, and can be told to fail.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "auth/credentials_repository.h"

namespace toast::auth {

class MemoryCredentials final : public CredentialsRepository {
 public:
  // From now on every call fails with this; nullopt: works again.
  void fail_with(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(error);
  }

  Result<std::optional<Credential>> find(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    auto found = credentials_.find(account);
    if (found == credentials_.end()) return std::optional<Credential>{};
    return std::optional<Credential>(found->second);
  }
  Result<void> put(const std::string& account, const std::string& hash, WallTime now) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    if (account.empty() || account.size() > kMaxAccountBytes || hash.empty() ||
        hash.size() > kMaxHashBytes || account.find('\0') != std::string::npos ||
        hash.find('\0') != std::string::npos)
      return permanent("account or hash out of limits");
    credentials_[account] = {hash, CredentialState::active, now};
    return {};
  }
  Result<bool> replace_hash(const std::string& account, const std::string& from,
                            const std::string& better) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    if (better.empty() || better.size() > kMaxHashBytes) return permanent("hash out of limits");
    auto found = credentials_.find(account);
    if (found == credentials_.end() || found->second.hash != from) return false;
    found->second.hash = better;
    return true;
  }
  Result<bool> set_state(const std::string& account, CredentialState state) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    auto found = credentials_.find(account);
    if (found == credentials_.end()) return false;
    found->second.state = state;
    return true;
  }
  Result<bool> remove(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    std::erase_if(logins_, [&](const auto& entry) { return entry.first.first == account; });
    return credentials_.erase(account) > 0;
  }
  Result<void> record_logins(std::span<const LastLogin> logins) override {
    const std::lock_guard lock(mutex_);
    ++transactions_;
    if (failure_) return tl::unexpected(*failure_);
    for (const LastLogin& login : logins) {
      LastLogin& kept =
          logins_.try_emplace({login.account, std::string(service_name(login.service))}, login)
              .first->second;
      if (kept.at <= login.at) kept = login;
    }
    return {};
  }
  Result<std::vector<LastLogin>> last_logins(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    std::vector<LastLogin> out;
    for (const auto& [key, login] : logins_)
      if (key.first == account) out.push_back(login);
    return out;
  }
  Result<std::vector<std::string>> accounts(const std::string& after, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    std::vector<std::string> names;
    for (auto at = credentials_.upper_bound(after);
         at != credentials_.end() && names.size() < limit; ++at)
      names.push_back(at->first);
    return names;
  }
  int transactions() const {
    const std::lock_guard lock(mutex_);
    return transactions_;
  }

 private:
  mutable std::mutex mutex_;  // the writer has a thread of its own
  std::optional<Error> failure_;
  std::map<std::string, Credential> credentials_;
  std::map<std::pair<std::string, std::string>, LastLogin> logins_;
  int transactions_ = 0;
};

}  // namespace toast::auth
