// IP addresses, networks and endpoints as value types. Text from control files and the wire is
// parsed here once; everything after compares bytes (never texts). An IPv4-mapped IPv6 address is
// the IPv4 address: a dual-stack socket must not make a second identity for a peer.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace toast {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  // Dotted quad, or IPv6 as in RFC 4291 section 2.2 without brackets or zone.
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  static IpAddress v4(std::array<std::uint8_t, 4> bytes);
  static IpAddress v6(std::array<std::uint8_t, 16> bytes);  // mapped addresses become IPv4

  bool is_v4() const { return v4_; }
  bool is_loopback() const;
  unsigned width() const { return v4_ ? 32 : 128; }
  // The first 4 bytes are the address if is_v4(), else all 16.
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  IpAddress masked(unsigned prefix_bits) const;  // the bits after the prefix set to 0
  std::string str() const;                       // RFC 5952 form
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v4_ = true;
  std::array<std::uint8_t, 16> bytes_{};
};

// What limits per peer count: an IPv4 address, or an IPv6 /64 (one customer has a whole /64).
IpAddress accounting_address(const IpAddress& peer);

// "192.0.2.0/24", "2001:db8::/32", or a single address. Bits after the prefix must be 0, so that a
// typing error cannot open more than it shows.
class Network {
 public:
  [[nodiscard]] static Result<Network> parse(std::string_view text);
  bool contains(const IpAddress& address) const;
  std::string str() const;
  friend bool operator==(const Network&, const Network&) = default;

 private:
  Network(IpAddress base, unsigned bits) : base_(base), prefix_bits_(bits) {}
  IpAddress base_;
  unsigned prefix_bits_ = 0;
};
bool contains(const std::vector<Network>& networks, const IpAddress& address);

// "192.0.2.1:25" or "[2001:db8::1]:25". Port 0 lets the kernel choose.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
  std::string str() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace toast
