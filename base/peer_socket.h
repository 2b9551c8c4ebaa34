// A named socket in run/, which toastd makes and hands over. Whoever connects is known by
// SO_PEERCRED, and is answered or hung up on.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/fd.h"
#include "base/ipc.h"

namespace toast {

class PeerSocket {
 public:
  struct Guest {
    std::string name;  // in errors and logs
    std::shared_ptr<const ipc::Dispatcher> dispatcher;
    std::function<void()> on_gone;  // called once
  };
  // Nothing: it is hung up on.
  using Admit = std::function<std::optional<Guest>(const ucred& who)>;

  PeerSocket(const asio::any_io_executor& loop, Fd listener, Admit admit);
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

 private:
  void wait();
  void accept_all();

  asio::posix::stream_descriptor listener_;
  Admit admit_;
};

}  // namespace toast
