// Password hashes: argon2id in libsodium's self-describing text
// ("$argon2id$v=19$m=19456,t=2,p=1$..."); migrating_hasher.h knows those of other systems. The
// hasher blocks (tens of milliseconds and megabytes); hash_pool.h keeps it off the I/O thread.
//
// A stored hash chooses its own cost, so the cost is checked against limits before it is paid. A
// hash of a scheme that is not known here is a *permanent* error naming the scheme: somebody put it
// there and must be told. It is never "wrong password"; who logs in is told to come back later.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace toast::auth {

// What a new hash costs. The default suits mail clients that log in all day: 19 MiB and two passes,
// about 35 ms of one core, also OWASP's recommendation for argon2id.
struct HashCost {
  std::uint64_t memory_bytes = 19ULL << 20U;
  std::uint64_t passes = 2;
  friend bool operator==(const HashCost&, const HashCost&) = default;
};

// The most a stored hash may ask for, unless the configured cost itself is higher: eight times the
// memory of libsodium's "interactive", a product of about two seconds.
inline constexpr HashCost kMaxStoredCost{512ULL << 20U, 64};
inline constexpr std::uint64_t kMaxStoredWork = 4ULL << 30U;  // memory x passes, bytes
inline constexpr std::uint64_t kMaxStoredLanes = 16;          // p of other programs' hashes

// What the text of an argon2 hash says about itself.
struct StoredCost {
  bool argon2id = false;  // else argon2i: still verified, then hashed anew
  HashCost cost;
  std::uint64_t lanes = 1;
};
// Permanent: another scheme, or text that no argon2 program writes.
[[nodiscard]] Result<StoredCost> parse_stored_hash(std::string_view stored);

// Permanent: more than the limits above, or than what is configured where that is more.
[[nodiscard]] Result<void> check_stored_cost(const StoredCost& stored, const HashCost& configured);

// libsodium chooses its implementations once; throws std::runtime_error if it cannot start.
void start_sodium();

class PasswordHasher {
 public:
  virtual ~PasswordHasher() = default;
  // Transient: no memory (for hashes of our own shape; of others libsodium says "mismatch").
  // Permanent: unknown scheme, or a cost over the limits.
  [[nodiscard]] virtual Result<bool> verify(const std::string& stored,
                                            const Secret& password) const = 0;
  [[nodiscard]] virtual Result<std::string> hash(const Secret& password) const = 0;
  // True: a good login is the moment to store a new hash.
  virtual bool needs_rehash(std::string_view stored) const = 0;
  // A hash of the current cost that no password matches: verified for accounts that do not exist.
  virtual const std::string& dummy() const = 0;
};

class Argon2Hasher final : public PasswordHasher {
 public:
  explicit Argon2Hasher(HashCost cost = {});
  [[nodiscard]] Result<bool> verify(const std::string& stored,
                                    const Secret& password) const override;
  [[nodiscard]] Result<std::string> hash(const Secret& password) const override;
  bool needs_rehash(std::string_view stored) const override;
  const std::string& dummy() const override { return dummy_; }

 private:
  HashCost cost_;
  std::string dummy_;
};

}  // namespace toast::auth
