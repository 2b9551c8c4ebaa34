// Connections that were used and may be used again, by destination. Kept for a few seconds: under
// load the next message is there at once, and a host's connections are not held for nothing.
#pragma once

#include <asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "mta/remote/connection.h"

namespace toast::remote {

inline constexpr std::chrono::seconds kMaxIdle{5};  // far below a server's 5 minutes
// In all; then the one that was idle longest makes room. As many as a burst to many destinations
// comes back to within kMaxIdle; each is a descriptor and some kilobytes.
inline constexpr std::size_t kMaxKept = 1000;
inline constexpr std::size_t kMaxKeptPerDestination = 20;

class ConnectionPool {
 public:
  ConnectionPool(asio::any_io_executor executor, const Clock& clock)
      : executor_(std::move(executor)), clock_(clock), sweep_(executor_) {}
  ~ConnectionPool() { sweep_.cancel(); }
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  // The one used last, if it is still open; else null.
  std::unique_ptr<Connection> take(const std::string& key);
  // Keeps it, or says QUIT if it cannot carry more or there is no room.
  void give(const std::string& key, std::unique_ptr<Connection> connection);
  // Says QUIT on those idle for kMaxIdle. Runs by itself while there are any.
  void close_idle();
  // Keeps none from now on.
  void close_all();
  std::size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    std::string key;
    std::unique_ptr<Connection> connection;
    SteadyTime until;
  };
  using Place = std::list<Kept>::iterator;
  void dismiss(std::unique_ptr<Connection> connection);
  void dismiss_oldest();
  Task<> run_sweeps();

  asio::any_io_executor executor_;
  const Clock& clock_;
  asio::steady_timer sweep_;
  bool sweeping_ = false;
  bool closed_ = false;
  std::list<Kept> kept_;                                        // oldest first
  std::unordered_map<std::string, std::vector<Place>> by_key_;  // no empty ones; oldest first
};

}  // namespace toast::remote
