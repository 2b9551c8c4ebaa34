// A hasher for tests: "plain:PASSWORD" instead of argon2, counting its calls, and stopped at a gate
// when a test wants to see what happens meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "auth/password_hash.h"

namespace toast::auth {

class CountingHasher final : public PasswordHasher {
 public:
  Result<bool> verify(const std::string& stored, const Secret& password) const override {
    ++verified_;
    wait_at_gate();
    if (stored == "broken") return transient("no memory");
    if (!stored.starts_with("plain:") && !stored.starts_with("old:"))
      return permanent("scheme is not known");
    return password.equals(stored.substr(stored.find(':') + 1));
  }
  Result<std::string> hash(const Secret& password) const override {
    ++hashed_;
    return "plain:" + std::string(password.view());
  }
  bool needs_rehash(std::string_view stored) const override { return stored.starts_with("old:"); }
  const std::string& dummy() const override { return dummy_; }

  int verified() const { return verified_; }
  int hashed() const { return hashed_; }
  void close_gate() {
    const std::lock_guard lock(mutex_);
    open_ = false;
  }
  void open_gate() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    moved_.notify_all();
  }

 private:
  void wait_at_gate() const {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return open_; });
  }
  std::string dummy_ = std::string("plain:") + '\0' + "nobody types this";
  mutable std::atomic<int> verified_{0};
  mutable std::atomic<int> hashed_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable moved_;
  bool open_ = true;
};

}  // namespace toast::auth
