// How many connections a server has, in all and from each client: an IPv4 address, or an IPv6 /64,
// which is what one customer has. Bounded by the connections themselves: a client without one has
// no entry.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <tl/expected.hpp>
#include <utility>

#include "base/ip_address.h"

namespace toast {

// An instance-wide limit divided among processes, rounded up. The kernel spreads connections over
// the processes at random, so one address may meet its limit in one process before the sum is
// reached.
constexpr std::size_t share_of(std::size_t limit, std::size_t processes) {
  return processes == 0 ? limit : (limit + processes - 1) / processes;
}

class ConnectionLimits {
  struct Book;

 public:
  // A place among the connections; given back by its destructor. May outlive the limits.
  class Place {
   public:
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    friend class ConnectionLimits;
    Place(std::shared_ptr<Book> book, std::optional<IpAddress> client)
        : book_(std::move(book)), client_(client) {}
    std::shared_ptr<Book> book_;
    std::optional<IpAddress> client_;  // none: exempt
  };
  enum class Refusal : unsigned char { server_full, client_full };

  ConnectionLimits(std::size_t max_total, std::size_t max_per_client);
  // Limits that were lowered hold for those who come later.
  void change(std::size_t max_total, std::size_t max_per_client);
  // `exempt`: counts towards the total only. So does loopback, always.
  [[nodiscard]] tl::expected<Place, Refusal> enter(const IpAddress& peer, bool exempt = false);
  std::size_t total() const;
  std::size_t clients() const;  // that have a connection and are not exempt

 private:
  std::size_t max_total_;
  std::size_t max_per_client_;
  std::shared_ptr<Book> book_;
};

}  // namespace toast
