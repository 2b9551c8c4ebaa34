// Password hashes off the I/O thread: a bounded number of threads (memory = threads x cost) with a
// bounded queue. A full queue is "try again later" at once, not a wait without end: an attack on
// the uncached path costs its own logins, never those from the cache.
//
// Its threads yield: they are nicer by kHasherNice, so that guessing, which keeps them busy without
// end, does not take the processor from logins that need no hash.
//
// The same question asked while it is being answered waits for that answer: a client that opens ten
// sessions at once costs one hash.
#pragma once

#include <asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "auth/digest.h"
#include "auth/password_hash.h"
#include "base/async.h"
#include "base/secret.h"

namespace toast::auth {

// By so much than the rest of the instance. Beside programs that want all of a core, a hasher
// still gets a share of it (3 %), so a first login takes longer and does not starve; SCHED_IDLE
// would promise nothing.
inline constexpr int kHasherNice = 15;

struct HashPoolOptions {
  std::size_t threads = 1;
  std::size_t max_waiting = 512;  // at 35 ms each on two threads, 9 seconds
};

class HashPool {
 public:
  // `hasher` must be safe to call from several threads. To be made before system calls are
  // filtered: each thread lowers its own priority once, and the constructor returns after that.
  HashPool(std::shared_ptr<const PasswordHasher> hasher, HashPoolOptions options);
  ~HashPool();  // lets running hashes end, drops the waiting ones
  HashPool(const HashPool&) = delete;
  HashPool& operator=(const HashPool&) = delete;

  // `question` identifies (account, stored, password); equal questions share one verification.
  Task<Result<bool>> verify(Digest question, std::string stored, Secret password);
  // For a new hash after a good login; refused (transient) unless the pool is idle enough that no
  // login waits for it.
  Task<Result<std::string>> hash_if_idle(Secret password);
  // As that one, other work that costs as much.
  Task<Result<std::string>> work_if_idle(std::function<Result<std::string>()> work);
  std::size_t in_hand() const { return in_hand_; }
  const PasswordHasher& hasher() const { return *hasher_; }
  // Another cost from the next question on.
  void use(std::shared_ptr<const PasswordHasher> hasher) { hasher_ = std::move(hasher); }

 private:
  struct Flight;
  void lower_priority();
  Task<Result<bool>> join(std::shared_ptr<Flight> flight);
  std::shared_ptr<const PasswordHasher> hasher_;
  HashPoolOptions options_;
  std::size_t in_hand_ = 0;  // queued or running; I/O thread only
  std::unordered_map<Digest, std::shared_ptr<Flight>, DigestHash> flights_;
  asio::thread_pool pool_;
};

}  // namespace toast::auth
