#include "mta/queue/admin_socket.h"

#include <unistd.h>

namespace toast::queue {

AdminSocket::AdminSocket(const asio::any_io_executor& loop, Fd listener, uid_t owner,
                         Welcome welcome, Logger& log)
    : owner_(owner),
      welcome_(std::move(welcome)),
      log_(log),
      socket_(loop, std::move(listener), [this](const ucred& who) { return admit(who); }) {}

std::optional<PeerSocket::Guest> AdminSocket::admit(const ucred& who) {
  if (who.uid != 0 && who.uid != owner_ && who.uid != ::geteuid()) {
    log_.warning("queue.admin.refused", {{"uid", std::uint64_t{who.uid}}});
    return std::nullopt;
  }
  if (*connected_ >= kMaxAdmins) return std::nullopt;
  ++*connected_;
  PeerSocket::Guest guest = welcome_();
  guest.on_gone = [count = connected_, gone = std::move(guest.on_gone)] {
    --*count;
    gone();
  };
  return guest;
}

}  // namespace toast::queue
