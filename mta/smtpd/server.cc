#include "mta/smtpd/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/proxy_header.h"
#include "mta/smtpd/session.h"

namespace toast::smtpd {
namespace {

// Mostly we are out of descriptors or memory: connections wait in the kernel until some have
// closed.
constexpr std::chrono::milliseconds kAcceptPause{200};

IpAddress to_ip(const asio::ip::address& address) {
  if (address.is_v4()) return IpAddress::v4(address.to_v4().to_bytes());
  return IpAddress::v6(address.to_v6().to_bytes());
}

IpAddress local_ip(const asio::ip::tcp::socket& socket) {
  asio::error_code ec;
  const asio::ip::tcp::endpoint name = socket.local_endpoint(ec);
  return ec ? IpAddress() : to_ip(name.address());
}

}  // namespace

Server::Server(asio::any_io_executor executor, Services& services,
               std::shared_ptr<const Options> options)
    : executor_(std::move(executor)),
      services_(services),
      options_(std::move(options)),
      limits_(options_->max_connections, options_->max_per_address),
      all_ended_(executor_) {}

void Server::set_options(std::shared_ptr<const Options> options) {
  options_ = std::move(options);
  limits_.change(options_->max_connections, options_->max_per_address);
}

Result<void> Server::listen(Fd listener, Port port) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0)
    return system_error("getsockname", "listener");
  const auto protocol = name.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
  auto acceptor = std::make_shared<Acceptor>(executor_);
  asio::error_code ec;
  acceptor->assign(protocol, listener.get(), ec);
  if (ec) return system_error("assign", "listener", ec.value());
  (void)listener.release();  // the acceptor closes it
  acceptors_.push_back(acceptor);
  spawn(executor_, accept_loop(acceptor, port));
  return {};
}

Task<> Server::accept_loop(std::shared_ptr<Acceptor> acceptor, Port port) {
  while (acceptor->is_open()) {
    asio::ip::tcp::endpoint peer;
    auto [ec, socket] = co_await acceptor->async_accept(executor_, peer, no_throw);
    if (!acceptor->is_open()) co_return;
    // A peer that hung up while it waited is its own affair.
    if (ec == asio::error::connection_aborted || ec == asio::error::operation_aborted) continue;
    if (ec) {
      services_.log.warning("smtp.accept.failed", {{"reason", ec.message()}});
      co_await pause(kAcceptPause);
      continue;
    }
    take(std::move(socket), peer, port);
  }
}

Task<> Server::pause(std::chrono::milliseconds time) {
  asio::steady_timer timer(executor_, time);
  (void)co_await timer.async_wait(no_throw);
}

void Server::take(asio::ip::tcp::socket socket, const asio::ip::tcp::endpoint& endpoint,
                  Port port) {
  const IpAddress peer = to_ip(endpoint.address());
  const bool proxied = contains(options_->proxy_networks, peer);
  tl::expected<ConnectionLimits::Place, ConnectionLimits::Refusal> place =
      limits_.enter(peer, proxied || contains(options_->relay_networks, peer));
  if (!place) return refuse(std::move(socket), peer, place.error(), port);
  const int on = 1;  // replies are small and each is waited for
  ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (proxied)
    spawn(executor_, serve_proxied(std::move(socket), peer, std::move(*place), port));
  else {
    const IpAddress local = local_ip(socket);
    spawn(executor_, serve(std::move(socket), peer, local, std::move(*place), port));
  }
}

// From here on the client is whom the balancer names, for every limit and right.
Task<> Server::serve_proxied(asio::ip::tcp::socket socket, IpAddress balancer,
                             ConnectionLimits::Place place, Port port) {
  const Result<ProxyHeader> header = co_await read_proxy_header(socket, kProxyPatience);
  { const ConnectionLimits::Place given_back = std::move(place); }
  if (!header) {
    if (!header.error().detail.empty()) {
      services_.counters.refused_sessions.add();
      services_.log.warning("smtp.proxy.refused",
                            {{"balancer", balancer.str()}, {"reason", header.error().detail}});
    }
    co_return let_drain_end();
  }
  const IpAddress peer = header->client.value_or(balancer);
  const bool exempt = !header->client || contains(options_->relay_networks, peer);
  tl::expected<ConnectionLimits::Place, ConnectionLimits::Refusal> own =
      limits_.enter(peer, exempt);
  if (!own) {
    refuse(std::move(socket), peer, own.error(), port);
    co_return let_drain_end();
  }
  const IpAddress local = header->local ? *header->local : local_ip(socket);
  co_await serve(std::move(socket), peer, local, std::move(*own), port);
}

void Server::refuse(asio::ip::tcp::socket socket, const IpAddress& peer,
                    ConnectionLimits::Refusal why, Port port) {
  const bool own_fault = why == ConnectionLimits::Refusal::client_full;
  std::string out;
  const std::string_view text = own_fault ? "4.7.0 too many connections from your network"
                                          : "4.3.2 too many connections, try again later";
  smtp::append_reply(out, {421, std::string(text)});
  // Fits into an empty socket buffer; if not, the close says enough. Under TLS it could not be read
  // before a handshake, which would cost what is to be saved.
  if (port != Port::submissions)
    (void)::send(socket.native_handle(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  services_.counters.refused_sessions.add();
  services_.log.info("smtp.session.refused",
                     {{"peer", peer.str()}, {"reason", own_fault ? "peer limit" : "total limit"}});
}

Task<> Server::serve(asio::ip::tcp::socket socket, IpAddress peer, IpAddress local,
                     ConnectionLimits::Place place, Port port) {
  services_.counters.sessions.add();
  services_.counters.open_sessions.add();
  {
    const ConnectionLimits::Place held = std::move(place);
    auto wire = std::make_unique<smtp::SocketWire>(
        std::move(socket), block_, services_.clock.steady() + options_->command_timeout);
    smtp::SocketWire* const lowest = wire.get();  // lives as long as the session, under TLS too
    wires_.insert(lowest);
    if (draining_) lowest->stop();
    Session session(options_, services_, peer, std::move(wire), port, local);
    sessions_.emplace(&session, lowest);
    co_await session.run();
    sessions_.erase(&session);
    wires_.erase(lowest);
  }
  services_.counters.open_sessions.subtract();
  let_drain_end();
}

void Server::let_drain_end() {
  if (draining_ && limits_.total() == 0) all_ended_.cancel();
}

void Server::end_sessions_of(const std::string& mailbox) {
  std::uint64_t ended = 0;
  for (const auto& [session, wire] : sessions_) {
    if (session->login() != mailbox) continue;
    session->lock_out();
    wire->stop();
    ++ended;
  }
  if (ended > 0)
    services_.log.info("smtp.sessions.cut_off", {{"login", mailbox}, {"sessions", ended}});
}

Task<> Server::drain() {
  draining_ = true;
  for (const auto& acceptor : acceptors_) {
    asio::error_code ignored;
    acceptor->close(ignored);
  }
  for (smtp::SocketWire* wire : wires_) wire->stop();
  if (limits_.total() == 0) co_return;
  all_ended_.expires_at(SteadyTime::max());
  (void)co_await all_ended_.async_wait(no_throw);
}

}  // namespace toast::smtpd
