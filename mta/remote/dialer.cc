#include "mta/remote/dialer.h"

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <asio/local/stream_protocol.hpp>

namespace toast::remote {
namespace {

using asio::ip::tcp;

asio::ip::address to_asio(const IpAddress& address) {
  if (!address.is_v4()) return asio::ip::address_v6(address.bytes());
  asio::ip::address_v4::bytes_type bytes;
  std::copy_n(address.bytes().begin(), bytes.size(), bytes.begin());
  return asio::ip::address_v4(bytes);
}

tl::unexpected<Error> unreachable(const std::string& host, const std::string& why) {
  return transient(host + ": " + why, "4.4.1 " + host + ": " + why);
}

asio::error_code bind_to(tcp::socket& socket, const IpAddress& source) {
  asio::error_code ec;
  socket.bind(tcp::endpoint(to_asio(source), 0), ec);
  return ec;
}

}  // namespace

Task<Result<std::unique_ptr<smtp::Wire>>> SocketDialer::connect(Endpoint host,
                                                                std::optional<IpAddress> source,
                                                                std::chrono::seconds patience) {
  const tcp::endpoint target(to_asio(host.address), host.port);
  tcp::socket socket(executor_);
  asio::error_code failed;
  socket.open(target.protocol(), failed);
  if (failed) co_return unreachable(host.str(), failed.message());
  socket.set_option(tcp::no_delay(true), failed);
  if (source) failed = bind_to(socket, *source);
  if (failed)
    co_return transient("outgoingip " + source->str() + ": " + failed.message(),
                        "4.3.5 cannot send from the configured address");
  bool timed_out = false;
  const SteadyTime until = std::chrono::steady_clock::now() + patience;
  const Deadline deadline(executor_, until, [&] {
    timed_out = true;
    asio::error_code ignored;
    socket.cancel(ignored);
  });
  auto [ec] = co_await socket.async_connect(target, no_throw);
  if (timed_out) co_return unreachable(host.str(), "no answer to the connection attempt");
  if (ec) co_return unreachable(host.str(), ec.message());
  co_return std::make_unique<smtp::SocketWire>(std::move(socket), block_, until);
}

Task<Result<std::unique_ptr<smtp::Wire>>> SocketDialer::connect_local(std::string path) {
  asio::local::stream_protocol::socket socket(executor_);
  auto [ec] = co_await socket.async_connect(asio::local::stream_protocol::endpoint(path), no_throw);
  if (ec) co_return unreachable(path, ec.message());
  co_return std::make_unique<smtp::SocketWire>(std::move(socket), block_, SteadyTime::max());
}

}  // namespace toast::remote
