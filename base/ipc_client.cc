#include "base/ipc_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

namespace toast::ipc {

tl::expected<Fd, int> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return tl::unexpected(ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return tl::unexpected(errno);
  ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  return socket;
}

BlockingClient::BlockingClient(Fd socket, std::string peer)
    : channel_(Channel::open(io_.get_executor(), std::move(socket), std::move(peer))) {
  channel_->start(nullptr, [](const Error&) {});
}

// NOLINTNEXTLINE(bugprone-exception-escape): to close a channel does not fail
BlockingClient::~BlockingClient() { channel_->close("done"); }

}  // namespace toast::ipc
