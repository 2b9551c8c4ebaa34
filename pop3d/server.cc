#include "pop3d/server.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "auth/stamp.h"
#include "base/proxy_header.h"

namespace toast::pop3 {
namespace {

constexpr unsigned kAcceptBatch = 16;  // then the connections that are there have their turn
// Out of descriptors or memory: accepting at once again would only spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

IpAddress to_address(const sockaddr_storage& storage) {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    std::array<std::uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return IpAddress::v4(bytes);
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return IpAddress::v6(bytes);
  }
  return {};
}

IpAddress local_address(const Fd& socket) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
  return to_address(name);
}

}  // namespace

struct Server::Listener {
  Listener(const asio::any_io_executor& executor, Fd fd, Encryption how)
      : socket(std::move(fd)), readable(executor, socket.get()), pause(executor), encryption(how) {}
  ~Listener() { readable.release(); }  // `socket` owns the descriptor
  void stop() {
    stopped = true;
    asio::error_code ignored;
    readable.cancel(ignored);
    pause.cancel();
  }
  Fd socket;
  asio::posix::stream_descriptor readable;
  asio::steady_timer pause;
  const Encryption encryption;
  bool stopped = false;
};

struct Server::Shared {
  ConnectionLimits limits;
  OutputBudget budget;
};

Server::Server(asio::any_io_executor executor, Options options, Services services, Random& random)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      services_(services),
      random_(random),
      shared_(std::make_shared<Shared>(
          Shared{ConnectionLimits(options_.max_connections, options_.max_per_client), {}})),
      all_closed_(executor_) {}

Server::~Server() {
  for (const std::shared_ptr<Listener>& listener : listeners_) listener->stop();
}

void Server::change(Options options) {
  options_ = std::move(options);
  shared_->limits.change(options_.max_connections, options_.max_per_client);
}

void Server::listen(Fd socket, Encryption encryption) {
  auto listener = std::make_shared<Listener>(executor_, std::move(socket), encryption);
  listeners_.push_back(listener);
  spawn(executor_, accept_loop(std::move(listener)));
}

Task<> Server::accept_loop(std::shared_ptr<Listener> listener) {
  while (!listener->stopped) {
    auto [error] =
        co_await listener->readable.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    if (listener->stopped) co_return;
    if (error) {
      services_.log.error("pop3.accept.failed", {{"reason", error.message()}});
      co_return;
    }
    bool out_of_resources = false;
    for (unsigned i = 0; i < kAcceptBatch; ++i)
      if (!accept_one(*listener, out_of_resources)) break;
    if (!out_of_resources) continue;
    listener->pause.expires_after(kAcceptPause);
    auto [waited] = co_await listener->pause.async_wait(no_throw);
    std::ignore = waited;
  }
}

// False: nobody waits (another process took the connection), or nobody can be taken now.
bool Server::accept_one(const Listener& listener, bool& out_of_resources) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  Fd socket(::accept4(listener.socket.get(), reinterpret_cast<sockaddr*>(&storage), &size,
                      SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!socket) {
    const int why = errno;
    if (why == EAGAIN) return false;
    if (why != EMFILE && why != ENFILE && why != ENOBUFS && why != ENOMEM) return true;
    services_.log.error("pop3.accept.failed", {{"reason", std::strerror(why)}});
    out_of_resources = true;
    return false;
  }
  const IpAddress peer = to_address(storage);
  if (contains(options_.proxy_networks, peer))
    spawn(executor_, admit_proxied(std::move(socket), peer, listener.encryption));
  else {
    const IpAddress local = local_address(socket);
    admit(std::move(socket), peer, local, listener.encryption);
  }
  return true;
}

// From here on the client is whom the balancer names, for every limit and right.
Task<> Server::admit_proxied(Fd socket, IpAddress balancer, Encryption encryption) {
  auto place = shared_->limits.enter(balancer, true);
  if (!place) co_return refuse(socket, balancer, place.error(), encryption);
  asio::posix::stream_descriptor readable(executor_, socket.get());
  const Result<ProxyHeader> header = co_await read_proxy_header(readable, kProxyPatience);
  readable.release();  // `socket` owns the descriptor
  { const ConnectionLimits::Place given_back = std::move(*place); }
  if (draining_) co_return;
  if (!header) {
    if (header.error().detail.empty()) co_return;
    services_.counters.sessions_refused.add();
    services_.log.warning("pop3.proxy.refused",
                          {{"balancer", balancer.str()}, {"reason", header.error().detail}});
    co_return;
  }
  const IpAddress local = header->local ? *header->local : local_address(socket);
  admit(std::move(socket), header->client.value_or(balancer), local, encryption, !header->client);
}

void Server::admit(Fd socket, const IpAddress& peer, const IpAddress& local, Encryption encryption,
                   bool exempt) {
  tl::expected<ConnectionLimits::Place, ConnectionLimits::Refusal> place =
      shared_->limits.enter(peer, exempt);
  if (!place) return refuse(socket, peer, place.error(), encryption);
  const int on = 1;  // replies are whole: waiting for more to send costs 40 ms and gains nothing
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  Client client{peer.str(), fmt::format("{:016x}", random_.u64()), local.str()};
  std::string stamp;
  if (options_.session.offer.cram) stamp = auth::make_stamp(random_, options_.host_name);
  auto session = std::make_unique<Session>(std::move(client), options_.host_name, services_,
                                           options_.session, std::move(stamp));
  auto connection = std::make_shared<Connection>(executor_, std::move(socket), std::move(session),
                                                 options_.times, shared_->budget);
  connections_.insert(connection);
  services_.counters.sessions.add();
  services_.counters.sessions_open.add();
  connection->on_start_tls(
      [this, address = peer.str()](Connection& asking) { return begin_tls(asking, address); });
  spawn(executor_,
        serve(shared_, std::move(*place), std::move(connection), peer.str(), encryption));
}

void Server::count_refusal(const IpAddress& peer, ConnectionLimits::Refusal why) {
  const bool full = why == ConnectionLimits::Refusal::server_full;
  services_.counters.sessions_refused.add();
  services_.log.warning("pop3.connection.refused",
                        {{"peer", peer.str()}, {"reason", full ? "server full" : "client full"}});
}

void Server::refuse(const Fd& socket, const IpAddress& peer, ConnectionLimits::Refusal why,
                    Encryption encryption) {
  const bool full = why == ConnectionLimits::Refusal::server_full;
  count_refusal(peer, why);
  // Under TLS a refusal cannot be read before a handshake, which would cost what is to be saved.
  if (encryption == Encryption::from_the_start) return;
  const std::string_view reply =
      full ? "-ERR [SYS/TEMP] too many connections, try again later\r\n"
           : "-ERR [SYS/TEMP] too many connections from your address, try again later\r\n";
  // A courtesy: a client whose buffer is full already gets the hang-up alone.
  std::ignore = ::send(socket.get(), reply.data(), reply.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

// The parameters are destroyed in the reverse order: the connection, its place, what both use.
Task<> Server::serve(std::shared_ptr<Shared> shared, ConnectionLimits::Place place,
                     std::shared_ptr<Connection> connection, std::string peer,
                     Encryption encryption) {
  bool usable = true;
  if (encryption == Encryption::from_the_start)
    usable = co_await begin_tls(*connection, std::move(peer));
  if (usable) co_await connection->run();
  connections_.erase(connection);
  services_.counters.sessions_open.subtract();
  if (connections_.empty()) all_closed_.cancel();
}

// In the frame of the connection's own coroutine: it lives until this ends.
Task<bool> Server::begin_tls(Connection& connection, std::string peer) {
  std::string failure = "TLS is not offered here";
  if (services_.tls != nullptr) failure = co_await connection.begin_tls(*services_.tls);
  if (!failure.empty()) {
    services_.counters.tls_failures.add();
    services_.log.info("pop3.tls.failed", {{"peer", peer}, {"reason", failure}});
    co_return false;
  }
  services_.counters.tls_sessions.add();
  if (connection.resumed()) services_.counters.tls_resumed.add();
  co_return true;
}

void Server::end_sessions_of(const std::string& mailbox) {
  std::uint64_t ended = 0;
  for (const std::shared_ptr<Connection>& connection : connections_) {
    if (connection->mailbox() != mailbox) continue;
    connection->cut_off();
    ++ended;
  }
  if (ended > 0)
    services_.log.info("pop3.sessions.cut_off", {{"mailbox", mailbox}, {"sessions", ended}});
}

Task<> Server::drain(std::chrono::milliseconds patience) {
  draining_ = true;
  for (const std::shared_ptr<Listener>& listener : listeners_) listener->stop();
  for (const std::shared_ptr<Connection>& connection : connections_) connection->stop_when_idle();
  if (connections_.empty()) co_return;
  all_closed_.expires_after(patience);
  auto [waited] = co_await all_closed_.async_wait(no_throw);
  std::ignore = waited;
}

}  // namespace toast::pop3
