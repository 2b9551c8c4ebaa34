#include "pop3d/client_limits.h"

namespace toast::pop3 {

void ClientLimits::change(std::size_t max_total, std::size_t max_per_client) {
  max_total_ = max_total;
  max_per_client_ = max_per_client;
}

tl::expected<ClientLimits::Place, ClientLimits::Refusal> ClientLimits::enter(
    const IpAddress& peer) {
  if (total_ >= max_total_) return tl::unexpected(Refusal::server_full);
  const IpAddress client = accounting_address(peer);
  std::size_t& held = per_client_[client];
  if (held >= max_per_client_ && !peer.is_loopback()) return tl::unexpected(Refusal::client_full);
  ++held;
  ++total_;
  return Place(*this, client);
}

void ClientLimits::leave(const IpAddress& client) {
  --total_;
  const auto entry = per_client_.find(client);
  if (entry != per_client_.end() && --entry->second == 0) per_client_.erase(entry);
}

}  // namespace toast::pop3
