// The named socket run/queue.sock, which toastd makes and hands over. Whoever connects is known by
// SO_PEERCRED; root, this process's own user and the owner of the instance are answered, everybody
// else is hung up on.
#pragma once

#include <sys/types.h>

#include <memory>

#include "base/async.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "base/log.h"

namespace toast::queue {

inline constexpr std::size_t kMaxAdmins = 32;  // connections at a time

class AdminSocket {
 public:
  AdminSocket(asio::any_io_executor loop, Fd listener, uid_t owner,
              std::shared_ptr<const ipc::Dispatcher> dispatcher, Logger& log);
  AdminSocket(const AdminSocket&) = delete;
  AdminSocket& operator=(const AdminSocket&) = delete;

 private:
  void wait();
  void accept_all();
  bool is_welcome(const Fd& peer) const;

  asio::posix::stream_descriptor listener_;
  uid_t owner_;
  std::shared_ptr<const ipc::Dispatcher> dispatcher_;
  Logger& log_;
  std::shared_ptr<std::size_t> connected_ = std::make_shared<std::size_t>(0);
};

}  // namespace toast::queue
