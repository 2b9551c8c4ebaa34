// What a load balancer says before its client speaks: who the client is. PROXY protocol, version 2
// (proxy-protocol.txt of HAProxy). Bytes of a trusted host, and still bytes from outside: lengths
// are bounded, and whatever is not understood is refused, version 1 with it.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/ip_address.h"
#include "base/result.h"

namespace toast {

inline constexpr std::size_t kProxyPrefix = 16;  // signature, command, family, length
// All that balancers send beside the addresses (names, TLS of the client) is far less.
inline constexpr std::size_t kMaxProxyHeader = 4096;
// The header is in the first packet; its loss costs a retransmission or two.
inline constexpr std::chrono::seconds kProxyPatience{5};

struct ProxyHeader {
  std::optional<IpAddress> client;  // none: the balancer speaks for itself (a check of our health)
  std::optional<IpAddress> local = std::nullopt;  // where the client connected to, with `client`
};

// How long the header is that begins so, as far as it shows yet; never less than `received`.
[[nodiscard]] Result<std::size_t> proxy_header_size(std::string_view received);
// A whole one.
[[nodiscard]] Result<ProxyHeader> parse_proxy_header(std::string_view whole);

// Takes the header off a connected, non-blocking socket, and not a byte after it. An error without
// a detail: hung up before the first byte, as a mere check of the port does.
template <class Socket>
Task<Result<ProxyHeader>> read_proxy_header(Socket& socket, std::chrono::milliseconds patience) {
  std::string received;
  bool expired = false;
  const Deadline deadline(socket.get_executor(), std::chrono::steady_clock::now() + patience,
                          [&expired, &socket] {
                            expired = true;
                            asio::error_code ignored;
                            socket.cancel(ignored);
                          });
  while (true) {
    Result<std::size_t> size = proxy_header_size(received);
    if (!size) co_return pass(size);
    if (received.size() == *size) co_return parse_proxy_header(received);
    if (expired) co_return transient("no header in time");
    std::array<char, 512> block;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled next
    const std::size_t missing = std::min(*size - received.size(), block.size());
    const ssize_t n = ::recv(socket.native_handle(), block.data(), missing, MSG_DONTWAIT);
    if (n > 0) {
      received.append(block.data(), static_cast<std::size_t>(n));
      continue;
    }
    const bool waits = n < 0 && (errno == EAGAIN || errno == EINTR);
    if (!waits) co_return transient(received.empty() ? "" : "it ended within the header");
    auto [ignored] = co_await socket.async_wait(Socket::wait_read, no_throw);
    (void)ignored;
  }
}

}  // namespace toast
