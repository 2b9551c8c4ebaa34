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
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  std::vector<Place>& same = found->second;
  std::unique_ptr<Connection> usable;
  while (!usable && !same.empty()) {
    usable = std::move(same.back()->connection);
    kept_.erase(same.back());
    same.pop_back();
    if (!usable->can_carry_more()) usable.reset();
  }
  if (same.empty()) by_key_.erase(found);
  return usable;
}

void ConnectionPool::give(const std::string& key, std::unique_ptr<Connection> connection) {
  if (closed_ || !connection->can_carry_more()) return dismiss(std::move(connection));
  const auto found = by_key_.find(key);
  if (found != by_key_.end() && found->second.size() >= kMaxKeptPerDestination)
    return dismiss(std::move(connection));
  if (kept_.size() >= kMaxKept) dismiss_oldest();
  kept_.push_back({key, std::move(connection), clock_.steady() + kMaxIdle});
  by_key_[key].push_back(std::prev(kept_.end()));
  if (!sweeping_) spawn(executor_, run_sweeps());
}

void ConnectionPool::dismiss_oldest() {
  Kept& oldest = kept_.front();
  const auto same = by_key_.find(oldest.key);
  same->second.erase(same->second.begin());  // of its destination, too, the oldest
  if (same->second.empty()) by_key_.erase(same);
  dismiss(std::move(oldest.connection));
  kept_.pop_front();
}

Task<> ConnectionPool::run_sweeps() {
  sweeping_ = true;
  while (!kept_.empty()) {
    sweep_.expires_after(kSweepPeriod);
    auto [ec] = co_await sweep_.async_wait(no_throw);
    if (ec) co_return;  // the pool is gone, or going
    close_idle();
  }
  sweeping_ = false;
}

void ConnectionPool::close_idle() {
  const SteadyTime now = clock_.steady();
  while (!kept_.empty() && kept_.front().until <= now) dismiss_oldest();
}

void ConnectionPool::close_all() {
  closed_ = true;
  while (!kept_.empty()) dismiss_oldest();
  sweep_.cancel();
}

}  // namespace toast::remote
