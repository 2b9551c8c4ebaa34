// The credentials repository in memory, for tests of its callers. It passes the same contract suite
// as the real ones, and can be told to fail.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
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
    Credential& kept = credentials_[account];
    kept = {hash, CredentialState::active, now, {}, kept.reversible, {}};
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
    found->second.scram.clear();
    found->second.sealed.clear();
    return true;
  }
  Result<bool> put_scram(const std::string& account, const std::string& hash,
                         const std::string& scram) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    if (scram.empty() || scram.size() > kMaxScramBytes) return permanent("verifier out of limits");
    auto found = credentials_.find(account);
    if (found == credentials_.end() || found->second.hash != hash) return false;
    found->second.scram = scram;
    return true;
  }
  Result<bool> set_reversible(const std::string& account, bool reversible) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    auto found = credentials_.find(account);
    if (found == credentials_.end()) return false;
    found->second.reversible = reversible;
    if (!reversible) found->second.sealed.clear();
    return true;
  }
  Result<bool> put_sealed(const std::string& account, const std::string& hash,
                          const std::string& sealed) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    if (sealed.empty() || sealed.size() > kMaxSealedBytes)
      return permanent("sealed password out of limits");
    auto found = credentials_.find(account);
    if (found == credentials_.end() || found->second.hash != hash || !found->second.reversible)
      return false;
    found->second.sealed = sealed;
    return true;
  }
  Result<std::vector<AppPassword>> app_passwords(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    std::vector<AppPassword> out;
    for (const auto& [key, password] : app_passwords_)
      if (key.first == account) out.push_back(password);
    return out;
  }
  Result<std::optional<AppPassword>> find_app_password(const std::string& account,
                                                       const std::string& hash) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    for (const auto& [key, password] : app_passwords_)
      if (key.first == account && password.hash == hash)
        return std::optional<AppPassword>(password);
    return std::optional<AppPassword>{};
  }
  Result<void> put_app_password(const std::string& account, const AppPassword& password) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    if (account.empty() || password.hash.empty() || password.name.empty() ||
        password.name.size() > kMaxAppPasswordName)
      return permanent("app password out of limits");
    app_passwords_[{account, password.name}] = password;
    return {};
  }
  Result<bool> remove_app_password(const std::string& account, const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    return app_passwords_.erase({account, name}) > 0;
  }
  Result<bool> set_state(const std::string& account, CredentialState state) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    bool any = false;
    for (auto& [key, password] : app_passwords_) {
      if (key.first != account) continue;
      password.state = state;
      any = true;
    }
    auto found = credentials_.find(account);
    if (found == credentials_.end()) return any;
    found->second.state = state;
    return true;
  }
  Result<bool> remove(const std::string& account) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    std::erase_if(logins_, [&](const auto& entry) { return entry.first.first == account; });
    const auto apps = std::erase_if(
        app_passwords_, [&](const auto& entry) { return entry.first.first == account; });
    return credentials_.erase(account) + apps > 0;
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
      kept.app_password.clear();
      const auto app = app_passwords_.find({login.account, login.app_password});
      if (app == app_passwords_.end() || app->second.used.value_or(WallTime{}) > login.at) continue;
      app->second.used = login.at;
      app->second.used_from = login.peer;
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
  Result<std::string> secret(const std::string& name, const std::string& candidate) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    return secrets_.try_emplace(name, candidate).first->second;
  }
  Result<std::vector<std::string>> accounts(const std::string& after, std::size_t limit) override {
    const std::lock_guard lock(mutex_);
    if (failure_) return tl::unexpected(*failure_);
    std::set<std::string> all;
    for (const auto& [account, credential] : credentials_) all.insert(account);
    for (const auto& [key, password] : app_passwords_) all.insert(key.first);
    std::vector<std::string> names;
    for (auto at = all.upper_bound(after); at != all.end() && names.size() < limit; ++at)
      names.push_back(*at);
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
  std::map<std::pair<std::string, std::string>, AppPassword> app_passwords_;
  std::map<std::string, std::string> secrets_;
  int transactions_ = 0;
};

}  // namespace toast::auth
