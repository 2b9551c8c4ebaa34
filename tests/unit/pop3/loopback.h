// A listening socket on 127.0.0.1 with a port of the kernel's choice, for tests.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/fd.h"

namespace toast::pop3 {

struct Loopback {
  Fd listener;
  std::uint16_t port = 0;
};

inline Result<Loopback> listen_on_loopback() {
  Loopback made;
  made.listener = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  if (::bind(made.listener.get(), raw, size) != 0) return system_error("bind", "127.0.0.1");
  if (::listen(made.listener.get(), 128) != 0) return system_error("listen", "127.0.0.1");
  if (::getsockname(made.listener.get(), raw, &size) != 0) return system_error("getsockname", "");
  made.port = ntohs(address.sin_port);
  return made;
}

}  // namespace toast::pop3
