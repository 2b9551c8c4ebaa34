#include "mta/queue/admin_socket.h"

#include <sys/socket.h>
#include <unistd.h>

namespace toast::queue {

AdminSocket::AdminSocket(asio::any_io_executor loop, Fd listener, uid_t owner,
                         std::shared_ptr<const ipc::Dispatcher> dispatcher, Logger& log)
    : listener_(loop, listener.release()),
      owner_(owner),
      dispatcher_(std::move(dispatcher)),
      log_(log) {
  wait();
}

void AdminSocket::wait() {
  listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const asio::error_code& error) {
                         if (error) return;
                         accept_all();
                         wait();
                       });
}

void AdminSocket::accept_all() {
  for (;;) {
    Fd peer(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) return;
    if (*connected_ >= kMaxAdmins || !is_welcome(peer)) continue;  // closed
    std::shared_ptr<ipc::Channel> channel =
        ipc::Channel::open(listener_.get_executor(), std::move(peer), "toastctl");
    ++*connected_;
    channel->start(dispatcher_, [count = connected_](const Error&) { --*count; });
  }
}

bool AdminSocket::is_welcome(const Fd& peer) const {
  ucred who{};
  socklen_t size = sizeof who;
  if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return false;
  if (who.uid == 0 || who.uid == owner_ || who.uid == ::geteuid()) return true;
  log_.warning("queue.admin.refused", {{"uid", std::uint64_t{who.uid}}});
  return false;
}

}  // namespace toast::queue
