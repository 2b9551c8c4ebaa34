#include "mta/queue/admin_socket.h"

#include <unistd.h>

namespace toast::queue {

AdminSocket::AdminSocket(const asio::any_io_executor& loop, Fd listener, uid_t owner,
                         std::shared_ptr<const ipc::Dispatcher> dispatcher, Logger& log)
    : owner_(owner),
      dispatcher_(std::move(dispatcher)),
      log_(log),
      socket_(loop, std::move(listener), [this](const ucred& who) { return admit(who); }) {}

std::optional<PeerSocket::Guest> AdminSocket::admit(const ucred& who) {
  if (who.uid != 0 && who.uid != owner_ && who.uid != ::geteuid()) {
    log_.warning("queue.admin.refused", {{"uid", std::uint64_t{who.uid}}});
    return std::nullopt;
  }
  if (*connected_ >= kMaxAdmins) return std::nullopt;
  ++*connected_;
  return PeerSocket::Guest{"toastctl", dispatcher_, [count = connected_] { --*count; }};
}

}  // namespace toast::queue
