#include "auth/hash_pool.h"

#include <sys/resource.h>

#include <asio/this_coro.hpp>
#include <latch>
#include <optional>

namespace toast::auth {

// A verification under way, and a timer that never fires by itself: those who wait are woken by
// cancelling it.
struct HashPool::Flight {
  explicit Flight(const asio::any_io_executor& executor)
      : landed(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer landed;
  std::optional<Result<bool>> answer;
};

HashPool::HashPool(std::shared_ptr<const PasswordHasher> hasher, HashPoolOptions options)
    : hasher_(std::move(hasher)), options_(options), pool_(options.threads) {
  lower_priority();
}

// Linux: of the calling thread. The latch makes each thread take one of the jobs. The
// kernel takes the lowest priority that there is for less than that.
void HashPool::lower_priority() {
  auto all = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(options_.threads) + 1);
  for (std::size_t i = 0; i < options_.threads; ++i)
    asio::post(pool_, [all] {
      ::setpriority(PRIO_PROCESS, 0, ::getpriority(PRIO_PROCESS, 0) + kHasherNice);
      all->arrive_and_wait();
    });
  all->arrive_and_wait();
}

HashPool::~HashPool() {
  pool_.stop();
  pool_.join();
}

Task<Result<bool>> HashPool::join(std::shared_ptr<Flight> flight) {
  if (!flight->answer) co_await flight->landed.async_wait(no_throw);
  if (!flight->answer) co_return transient("password check was abandoned");
  co_return *flight->answer;
}

Task<Result<bool>> HashPool::verify(Digest question, std::string stored, Secret password) {
  auto found = flights_.find(question);
  if (found != flights_.end()) {
    std::shared_ptr<Flight> flight = found->second;
    co_return co_await join(std::move(flight));
  }
  if (in_hand_ >= options_.max_waiting + options_.threads)
    co_return transient("too many password checks waiting (" + std::to_string(in_hand_) + ")");
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto flight = std::make_shared<Flight>(executor);
  flights_.emplace(question, flight);
  ++in_hand_;
  auto work = [hasher = hasher_, stored = std::move(stored), password = std::move(password)] {
    return hasher->verify(stored, password);
  };
  Result<bool> answer = co_await run_blocking(pool_, std::move(work));
  --in_hand_;
  flights_.erase(question);
  flight->answer = answer;
  flight->landed.cancel();
  co_return answer;
}

Task<Result<std::string>> HashPool::hash_if_idle(Secret password) {
  auto shared = std::make_shared<const Secret>(std::move(password));
  std::function<Result<std::string>()> work = [hasher = hasher_, shared] {
    return hasher->hash(*shared);
  };
  co_return co_await work_if_idle(std::move(work));
}

Task<Result<std::string>> HashPool::work_if_idle(std::function<Result<std::string>()> work) {
  if (in_hand_ >= options_.threads) co_return transient("password hashers are busy");
  ++in_hand_;
  Result<std::string> made = co_await run_blocking(pool_, std::move(work));
  --in_hand_;
  co_return made;
}

}  // namespace toast::auth
