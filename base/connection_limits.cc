#include "base/connection_limits.h"

namespace toast {

struct ConnectionLimits::Book {
  std::size_t total = 0;
  std::map<IpAddress, std::size_t> per_client;  // no entry: none
};

ConnectionLimits::Place::~Place() {
  if (book_ == nullptr) return;  // moved from
  --book_->total;
  if (!client_) return;
  const auto entry = book_->per_client.find(*client_);
  if (--entry->second == 0) book_->per_client.erase(entry);
}

ConnectionLimits::ConnectionLimits(std::size_t max_total, std::size_t max_per_client)
    : max_total_(max_total), max_per_client_(max_per_client), book_(std::make_shared<Book>()) {}

void ConnectionLimits::change(std::size_t max_total, std::size_t max_per_client) {
  max_total_ = max_total;
  max_per_client_ = max_per_client;
}

tl::expected<ConnectionLimits::Place, ConnectionLimits::Refusal> ConnectionLimits::enter(
    const IpAddress& peer, bool exempt) {
  if (book_->total >= max_total_) return tl::unexpected(Refusal::server_full);
  std::optional<IpAddress> client;
  if (!exempt && !peer.is_loopback()) {
    client = accounting_address(peer);
    const auto entry = book_->per_client.find(*client);
    const std::size_t held = entry == book_->per_client.end() ? 0 : entry->second;
    if (held >= max_per_client_) return tl::unexpected(Refusal::client_full);
    ++book_->per_client[*client];
  }
  ++book_->total;
  return Place(book_, client);
}

std::size_t ConnectionLimits::total() const { return book_->total; }
std::size_t ConnectionLimits::clients() const { return book_->per_client.size(); }

}  // namespace toast
