#include "base/proxy_header.h"

namespace toast {
namespace {

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kCommandAt = 12;
constexpr std::size_t kFamilyAt = 13;
constexpr std::size_t kLengthAt = 14;
constexpr unsigned kVersion = 2;  // the upper half of the command's byte
constexpr unsigned kLocal = 0;    // the lower half
constexpr unsigned kProxy = 1;
constexpr unsigned kStream4 = 0x11;
constexpr unsigned kStream6 = 0x21;
constexpr unsigned kChecksumType = 0x03;  // PP2_TYPE_CRC32C
constexpr std::size_t kChecksumBytes = 4;

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}
std::size_t length_at(std::string_view bytes, std::size_t at) {
  return 256U * byte_at(bytes, at) + byte_at(bytes, at + 1);
}

// CRC-32C (RFC 3720, appendix B.4), a bit at a time: a header is short. Bytes `hole` to
// `hole + kChecksumBytes` count as zeros.
std::uint32_t checksum_of(std::string_view bytes, std::size_t hole) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i < hole || i >= hole + kChecksumBytes) crc ^= byte_at(bytes, i);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

// What follows the addresses: type, length, value, again and again. Only the checksum is looked at.
Result<void> check_extras(std::string_view whole, std::size_t at) {
  while (at < whole.size()) {
    if (whole.size() - at < 3) return permanent("it ends within a field");
    const std::size_t length = length_at(whole, at + 1);
    if (length > whole.size() - at - 3) return permanent("a field is longer than the header");
    if (byte_at(whole, at) == kChecksumType) {
      if (length != kChecksumBytes) return permanent("a checksum of the wrong length");
      const std::uint32_t said = static_cast<std::uint32_t>(length_at(whole, at + 3)) << 16U |
                                 static_cast<std::uint32_t>(length_at(whole, at + 5));
      if (said != checksum_of(whole, at + 3)) return permanent("its checksum is wrong");
    }
    at += 3 + length;
  }
  return {};
}

template <std::size_t Size>
std::array<std::uint8_t, Size> bytes_at(std::string_view whole, std::size_t at) {
  std::array<std::uint8_t, Size> bytes{};
  std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(at), Size, bytes.begin());
  return bytes;
}

}  // namespace

Result<std::size_t> proxy_header_size(std::string_view received) {
  const std::string_view start = received.substr(0, kSignature.size());
  if (start != kSignature.substr(0, start.size()))
    return permanent(received.starts_with("PROXY") ? "a header of version 1; send version 2"
                                                   : "not a header of the PROXY protocol");
  if (received.size() > kCommandAt && byte_at(received, kCommandAt) >> 4U != kVersion)
    return permanent("a header of an unknown version; send version 2");
  if (received.size() < kProxyPrefix) return kProxyPrefix;
  const std::size_t size = kProxyPrefix + length_at(received, kLengthAt);
  if (size > kMaxProxyHeader) return permanent("a header that is too long");
  return size;
}

Result<ProxyHeader> parse_proxy_header(std::string_view whole) {
  Result<std::size_t> size = proxy_header_size(whole);
  if (!size) return pass(size);
  if (*size != whole.size()) return permanent("not a whole header");
  const unsigned command = byte_at(whole, kCommandAt) & 0x0FU;
  // "The receiver must ... discard the protocol block including the family which is ignored."
  if (command == kLocal) return ProxyHeader{};
  if (command != kProxy) return permanent("an unknown command");
  const unsigned family = byte_at(whole, kFamilyAt);
  const bool is_v4 = family == kStream4;
  // Whoever is nobody would be taken for the balancer, and could have its rights.
  if (!is_v4 && family != kStream6) return permanent("it does not say who the client is");
  const std::size_t addresses = is_v4 ? 2 * (4 + 2) : 2 * (16 + 2);
  if (whole.size() < kProxyPrefix + addresses) return permanent("too short for its addresses");
  Result<void> extras = check_extras(whole, kProxyPrefix + addresses);
  if (!extras) return pass(extras);
  if (is_v4)
    return ProxyHeader{IpAddress::v4(bytes_at<4>(whole, kProxyPrefix)),
                       IpAddress::v4(bytes_at<4>(whole, kProxyPrefix + 4))};
  return ProxyHeader{IpAddress::v6(bytes_at<16>(whole, kProxyPrefix)),
                     IpAddress::v6(bytes_at<16>(whole, kProxyPrefix + 16))};
}

}  // namespace toast
