#include "mta/remote/connection_pool.h"

namespace toast::remote {
namespace {

constexpr std::chrono::seconds kSweepPeriod{1};

Task<> say_goodbye(std::unique_ptr<Connection> connection) { co_await connection->quit(); }

}  // namespace

void ConnectionPool::dismiss(std::unique_ptr<Connection> connection) {
  spawn(executor_, say_goodbye(std::move(connection)));
}

std::unique_ptr<Connection> ConnectionPool::take(const std::string& key) {
  const auto found = kept_.find(key);
  if (found == kept_.end()) return nullptr;
  std::unique_ptr<Connection> usable;
  while (!usable && !found->second.empty()) {
    usable = std::move(found->second.back().connection);
    found->second.pop_back();
    --size_;
    if (!usable->can_carry_more()) usable.reset();
  }
  if (found->second.empty()) kept_.erase(found);
  return usable;
}

void ConnectionPool::give(const std::string& key, std::unique_ptr<Connection> connection) {
  if (closed_ || size_ >= kMaxKept || !connection->can_carry_more())
    return dismiss(std::move(connection));
  std::deque<Kept>& same = kept_[key];
  if (same.size() >= kMaxKeptPerDestination) return dismiss(std::move(connection));
  same.push_back({std::move(connection), clock_.steady() + kMaxIdle});
  ++size_;
  if (!sweeping_) spawn(executor_, run_sweeps());
}

Task<> ConnectionPool::run_sweeps() {
  sweeping_ = true;
  while (size_ > 0) {
    sweep_.expires_after(kSweepPeriod);
    auto [ec] = co_await sweep_.async_wait(no_throw);
    if (ec) co_return;  // the pool is gone, or going
    close_idle();
  }
  sweeping_ = false;
}

void ConnectionPool::close_idle() {
  const SteadyTime now = clock_.steady();
  for (auto entry = kept_.begin(); entry != kept_.end();) {
    std::deque<Kept>& same = entry->second;
    while (!same.empty() && same.front().until <= now) {
      dismiss(std::move(same.front().connection));
      same.pop_front();
      --size_;
    }
    entry = same.empty() ? kept_.erase(entry) : std::next(entry);
  }
}

void ConnectionPool::close_all() {
  closed_ = true;
  for (auto& [key, same] : kept_)
    for (Kept& kept : same) dismiss(std::move(kept.connection));
  kept_.clear();
  size_ = 0;
  sweep_.cancel();
}

}  // namespace toast::remote
