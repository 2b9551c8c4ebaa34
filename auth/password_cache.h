// Remembers that a password was verified, so that a polling client does not cost a hash each time.
// An entry is HMAC(boot secret, mailbox, stored hash, password): the stored hash is read at every
// login, so a changed password misses by itself. The password is not kept, and neither a memory
// dump without the boot secret nor the database helps to find it faster than the stored hash does.
#pragma once

#include <chrono>
#include <string_view>

#include "auth/digest.h"
#include "auth/lru_map.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kMaxCachedPasswords = 100'000;  // about 15 MB

class PasswordCache {
 public:
  // A time to live of zero remembers nothing.
  PasswordCache(const Clock& clock, Random& random, std::chrono::seconds time_to_live,
                std::size_t max_entries = kMaxCachedPasswords)
      : clock_(clock),
        key_(Secret::random(random, kDigestKeyBytes)),
        time_to_live_(time_to_live),
        entries_(max_entries) {}

  Digest key_of(std::string_view mailbox, std::string_view stored, const Secret& password) const {
    return keyed_digest(key_, {mailbox, stored, password.view()});
  }
  bool contains(const Digest& key) {
    const SteadyTime* verified = entries_.find(key);
    if (verified == nullptr) return false;
    if (clock_.steady() - *verified < time_to_live_) return true;
    entries_.erase(key);
    return false;
  }
  // After a verification, never after a hit: the password is hashed again once per time to live.
  void add(const Digest& key) {
    if (time_to_live_.count() > 0) entries_.find_or_make(key) = clock_.steady();
  }
  void set_time_to_live(std::chrono::seconds time_to_live) { time_to_live_ = time_to_live; }
  std::size_t size() const { return entries_.size(); }

 private:
  const Clock& clock_;
  Secret key_;
  std::chrono::seconds time_to_live_;
  LruMap<Digest, SteadyTime, DigestHash> entries_;
};

}  // namespace toast::auth
