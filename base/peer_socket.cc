#include "base/peer_socket.h"

namespace toast {

PeerSocket::PeerSocket(const asio::any_io_executor& loop, Fd listener, Admit admit)
    : listener_(loop, listener.release()), admit_(std::move(admit)) {
  wait();
}

void PeerSocket::wait() {
  listener_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [this](const asio::error_code& error) {
                         if (error) return;
                         accept_all();
                         wait();
                       });
}

void PeerSocket::accept_all() {
  for (;;) {
    Fd peer(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!peer) return;
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(peer.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) continue;
    std::optional<Guest> guest = admit_(who);
    if (!guest) continue;  // closed
    ipc::Channel::open(listener_.get_executor(), std::move(peer), std::move(guest->name))
        ->start(std::move(guest->dispatcher),
                [gone = std::move(guest->on_gone)](const Error&) { gone(); });
  }
}

}  // namespace toast
