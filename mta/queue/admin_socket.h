// The named socket run/queue.sock: root, this process's own user and the owner of the instance are
// answered, everybody else is hung up on.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "base/log.h"
#include "base/peer_socket.h"

namespace toast::queue {

inline constexpr std::size_t kMaxAdmins = 32;  // connections at a time

class AdminSocket {
 public:
  // `welcome` is called for each connection.
  using Welcome = std::function<PeerSocket::Guest()>;
  AdminSocket(const asio::any_io_executor& loop, Fd listener, uid_t owner, Welcome welcome,
              Logger& log);
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;

 private:
  std::optional<PeerSocket::Guest> admit(const ucred& who);

  uid_t owner_;
  Welcome welcome_;
  Logger& log_;
  std::shared_ptr<std::size_t> connected_ = std::make_shared<std::size_t>(0);
  PeerSocket socket_;
};

}  // namespace toast::queue
