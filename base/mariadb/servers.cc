#include "base/mariadb/servers.h"

namespace toast::mariadb {

Servers::Servers(Options options, const Clock& clock)
    : options_(std::move(options)), clock_(clock), states_(options_.servers.size()) {}

std::vector<std::size_t> Servers::candidates(SteadyTime now) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::size_t> order;
  std::vector<std::size_t> resting;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const std::size_t at = (preferred_ + i) % states_.size();
    (states_[at].rests_until > now ? resting : order).push_back(at);
  }
  // Better to ask one that was away than to ask none.
  order.insert(order.end(), resting.begin(), resting.end());
  return order;
}

Result<Connection> Servers::connect(const Accept& accept) {
  {
    const std::lock_guard lock(mutex_);
    if (outage_ && (trying_ || clock_.steady() < retry_at_)) return tl::unexpected(*outage_);
    trying_ = true;
  }
  Result<Connection> connection = try_all(accept);
  const std::lock_guard lock(mutex_);
  trying_ = false;
  if (connection) {
    outage_.reset();
  } else {
    outage_ = connection.error();
    retry_at_ = clock_.steady() + kReconnectInterval;
  }
  return connection;
}

Result<Connection> Servers::try_all(const Accept& accept) {
  Result<Connection> connection = transient("no database server is configured");
  for (const std::size_t at : candidates(clock_.steady())) {
    connection = Connection::open(options_, options_.servers[at]);
    if (connection && accept)
      if (Result<void> good = accept(*connection); !good) connection = pass(good);
    const std::lock_guard lock(mutex_);
    if (connection) {
      preferred_ = at;
      states_[at].rests_until = {};
      return connection;
    }
    states_[at].rests_until = clock_.steady() + kServerRest;
  }
  return connection;
}

}  // namespace toast::mariadb
