#include "base/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace toast {
namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

IpAddress IpAddress::v4(std::array<std::uint8_t, 4> bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(std::array<std::uint8_t, 16> bytes) {
  if (std::equal(std::begin(kMappedPrefix), std::end(kMappedPrefix), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  IpAddress address;
  address.v4_ = false;
  address.bytes_ = bytes;
  return address;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string copy(text);
  const bool whole = text.find('\0') == std::string_view::npos;  // inet_pton would stop there
  std::array<std::uint8_t, 4> four{};
  if (whole && ::inet_pton(AF_INET, copy.c_str(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (whole && ::inet_pton(AF_INET6, copy.c_str(), sixteen.data()) == 1) return v6(sixteen);
  return permanent("\"" + copy + "\" is not an IPv4 or IPv6 address");
}

bool IpAddress::is_loopback() const {
  if (v4_) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) &&
         bytes_[15] == 1;
}

IpAddress IpAddress::masked(unsigned prefix_bits) const {
  IpAddress result = *this;
  for (unsigned bit = prefix_bits; bit < width(); ++bit)
    result.bytes_[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> (bit % 8)));
  return result;
}

std::string IpAddress::str() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

IpAddress accounting_address(const IpAddress& peer) {
  return peer.is_v4() ? peer : peer.masked(64);
}

Result<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  Result<IpAddress> base = IpAddress::parse(text.substr(0, slash));
  if (!base) return permanent(base.error().detail + "; write 192.0.2.0/24 or 2001:db8::/32");
  if (slash == std::string_view::npos) return Network(*base, base->width());
  const std::optional<unsigned> bits = whole_number<unsigned>(text.substr(slash + 1));
  if (!bits || *bits > base->width())
    return permanent("\"" + std::string(text) + "\": the prefix length must be 0 to " +
                     std::to_string(base->width()));
  if (base->masked(*bits) != *base)
    return permanent("\"" + std::string(text) + "\" has bits after its prefix; write " +
                     base->masked(*bits).str() + "/" + std::to_string(*bits));
  return Network(*base, *bits);
}

bool Network::contains(const IpAddress& address) const {
  return address.is_v4() == base_.is_v4() && address.masked(prefix_bits_) == base_;
}

std::string Network::str() const { return base_.str() + "/" + std::to_string(prefix_bits_); }

bool contains(const std::vector<Network>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const std::string wanted =
      "\"" + std::string(text) + "\" is not an address and port; write 192.0.2.1:25 or [::1]:25";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return permanent(wanted);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  Result<IpAddress> address = IpAddress::parse(host);
  const std::optional<std::uint16_t> port = whole_number<std::uint16_t>(text.substr(colon + 1));
  if (!address || !port) return permanent(wanted);
  // Only IPv6 has brackets, and always has them: "::1:25" would be an address without a port.
  if (bracketed != (host.find(':') != std::string_view::npos)) return permanent(wanted);
  return Endpoint{*address, *port};
}

std::string Endpoint::str() const {
  const std::string host = address.is_v4() ? address.str() : "[" + address.str() + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace toast
