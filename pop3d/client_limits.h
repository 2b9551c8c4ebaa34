// How many connections there may be, in all and from one client. Pure bookkeeping.
// A client is an IPv4 address or an IPv6 /64 (one customer has a whole /64); loopback counts only
// towards the total.
#pragma once

#include <cstddef>
#include <map>
#include <tl/expected.hpp>
#include <utility>

#include "base/ip_address.h"

namespace toast::pop3 {

class ClientLimits {
 public:
  // A place among the connections; given back by its destructor. Must not outlive the limits.
  class Place {
   public:
    Place(ClientLimits& limits, IpAddress client) : limits_(&limits), client_(client) {}
    Place(Place&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), client_(other.client_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (limits_ != nullptr) limits_->leave(client_);
    }

   private:
    ClientLimits* limits_;
    IpAddress client_;
  };
  enum class Refusal : unsigned char { server_full, client_full };

  ClientLimits(std::size_t max_total, std::size_t max_per_client)
      : max_total_(max_total), max_per_client_(max_per_client) {}

  // Limits that were lowered hold for those who come later.
  void change(std::size_t max_total, std::size_t max_per_client);
  [[nodiscard]] tl::expected<Place, Refusal> enter(const IpAddress& peer);
  std::size_t total() const { return total_; }

 private:
  void leave(const IpAddress& client);

  std::size_t max_total_;
  std::size_t max_per_client_;
  std::size_t total_ = 0;
  std::map<IpAddress, std::size_t> per_client_;  // no entry: none
};

}  // namespace toast::pop3
