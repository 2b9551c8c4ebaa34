// The servers of one database, shared by all connections of a program: which one is used, which
// ones were away a moment ago. Safe for use by several threads.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/mariadb/connection.h"

namespace toast::mariadb {

// A server that could not be reached is left alone so long while there is another.
inline constexpr std::chrono::seconds kServerRest{5};
// With none reachable they are tried this often, by one thread at a time; in between the answer is
// at hand.
inline constexpr std::chrono::milliseconds kReconnectInterval{500};

class Servers {
 public:
  // `clock` outlives this.
  Servers(Options options, const Clock& clock);

  // Judges a new connection before it is used: is this node able to answer, has it our schema?
  using Accept = std::function<Result<void>(Connection&)>;
  // A connection to the server that worked last, or to the first of the others that does.
  [[nodiscard]] Result<Connection> connect(const Accept& accept = nullptr);
  const Options& options() const { return options_; }

 private:
  struct State {
    SteadyTime rests_until{};
  };
  std::vector<std::size_t> candidates(SteadyTime now) const;
  [[nodiscard]] Result<Connection> try_all(const Accept& accept);

  const Options options_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::vector<State> states_;
  std::size_t preferred_ = 0;
  std::optional<Error> outage_;  // why no server could be reached the last time
  SteadyTime retry_at_{};
  bool trying_ = false;
};

}  // namespace toast::mariadb
