#include "mta/master/listeners.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

#include "base/settings_registry.h"

namespace toast::master {
namespace {

// The programs of a toastd that was killed hold its ports until each has seen that and ended. A
// supervisor that starts the next toastd at once should find a server, not an error.
constexpr std::chrono::seconds kPortWait{5};
constexpr std::chrono::milliseconds kPortRetry{10};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress to_socket_address(const Endpoint& endpoint) {
  SocketAddress address;
  const auto& bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), 4);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(endpoint.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), 16);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.size = sizeof v6;
  }
  return address;
}

std::uint16_t bound_port(const Fd& socket) {
  SocketAddress address;
  ::getsockname(socket.get(), address.get(), &address.size);
  sockaddr_in v4{};  // the port lies at the same place in both families
  std::memcpy(&v4, &address.storage, sizeof v4);
  return ntohs(v4.sin_port);
}

void set_option(const Fd& socket, int level, int option) {
  const int on = 1;
  ::setsockopt(socket.get(), level, option, &on, sizeof on);
}

// `error`: the errno of a failure, for a caller that knows an answer to it.
Result<Fd> listen_on(const Endpoint& endpoint, int backlog, int& error) {
  const int family = endpoint.address.is_v4() ? AF_INET : AF_INET6;
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket) {
    set_option(socket, SOL_SOCKET, SO_REUSEADDR);
    if (family == AF_INET6) set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY);
    SocketAddress address = to_socket_address(endpoint);
    if (::bind(socket.get(), address.get(), address.size) == 0 &&
        ::listen(socket.get(), backlog) == 0)
      return socket;
  }
  error = errno;
  Result<Fd> failed = system_error("cannot listen on", endpoint.str(), error);
  if (error == EADDRINUSE)
    failed.error().detail += "; another server has the port (ss -ltnp shows which)";
  if (error == EACCES) failed.error().detail += "; ports below 1024 need root";
  return failed;
}

Result<Fd> listen_on_path(const std::string& path, mode_t mode, int backlog) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return permanent("cannot listen on " + path + ": sockets need paths under " +
                     std::to_string(sizeof address.sun_path) +
                     " bytes; move the instance to a shorter path");
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return system_error("cannot listen on", path);
  ::unlink(path.c_str());  // ours: we hold the instance's lock
  const bool listening =
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
      ::chmod(path.c_str(), mode) == 0 && ::listen(socket.get(), backlog) == 0;
  if (!listening) return system_error("cannot listen on", path);
  return socket;
}

class Opener {
 public:
  Opener(const Settings& settings, std::vector<Listener> inherited, const Clock& clock, Logger& log)
      : settings_(settings),
        clock_(clock),
        log_(log),
        give_up_(clock.steady() + kPortWait),
        backlog_(static_cast<int>(settings.get(setting::listenbacklog))),
        inherited_(std::move(inherited)) {}

  Result<void> open_network(const NetworkListener& network) {
    const bool explicitly = settings_.is_set(*network.endpoints);
    for (const Endpoint& endpoint : settings_.get(*network.endpoints)) {
      if (reuse(network.name, endpoint.str())) continue;
      int error = 0;
      Result<Fd> socket = listen_patiently(endpoint, error);
      if (!socket) {
        // The default lists IPv6 too; a host without it still serves.
        const bool no_ipv6 = error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
        if (!explicitly && !endpoint.address.is_v4() && no_ipv6) continue;
        return pass(socket);
      }
      Endpoint bound = endpoint;
      bound.port = bound_port(*socket);
      opened_.push_back(
          {std::string(network.name), endpoint.str(), bound.str(), std::move(*socket)});
    }
    return {};
  }

  Result<void> open_local(const LocalSocket& local, const std::string& path) {
    if (reuse(local.name, path)) return {};
    Result<Fd> socket = listen_on_path(path, local.mode, backlog_);
    if (!socket) return pass(socket);
    opened_.push_back({std::string(local.name), path, path, std::move(*socket)});
    return {};
  }

  std::vector<Listener> take() { return std::move(opened_); }

 private:
  Result<Fd> listen_patiently(const Endpoint& endpoint, int& error) {
    Result<Fd> socket = listen_on(endpoint, backlog_, error);
    for (bool told = false; !socket && error == EADDRINUSE && clock_.steady() < give_up_;) {
      if (!told) log_.warning("toastd.port.taken", {{"address", endpoint.str()}});
      told = true;
      std::this_thread::sleep_for(kPortRetry);
      socket = listen_on(endpoint, backlog_, error);
    }
    return socket;
  }

  bool reuse(std::string_view name, const std::string& configured) {
    const auto found = std::find_if(inherited_.begin(), inherited_.end(), [&](const Listener& l) {
      return l.name == name && l.configured == configured;
    });
    if (found == inherited_.end()) return false;
    opened_.push_back(std::move(*found));
    inherited_.erase(found);
    return true;
  }

  const Settings& settings_;
  const Clock& clock_;
  Logger& log_;
  SteadyTime give_up_;
  int backlog_;
  std::vector<Listener> inherited_;
  std::vector<Listener> opened_;
};

}  // namespace

Result<std::vector<Listener>> open_listeners(const Settings& settings, const std::string& root,
                                             std::vector<Listener> inherited, const Clock& clock,
                                             Logger& log) {
  Opener opener(settings, std::move(inherited), clock, log);
  for (const Program& program : programs()) {
    for (const NetworkListener& network : program.network) {
      Result<void> opened = opener.open_network(network);
      if (!opened) return pass(opened);
    }
    for (const LocalSocket& local : program.local_sockets) {
      Result<void> opened = opener.open_local(local, root + "/run/" + std::string(local.name));
      if (!opened) return pass(opened);
    }
  }
  return opener.take();
}

}  // namespace toast::master
