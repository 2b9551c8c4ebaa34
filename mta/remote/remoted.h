// Remote delivery as a service: answers queued, counts what is in hand, finishes it at the end.
// What it trusts: queued, for what goes where. Other hosts are trusted in nothing they say.
#pragma once

#include <asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/ipc.h"
#include "mta/remote/courier.h"
#include "mta/remote/outcome.h"

namespace toast::remote {

// Threads that read large messages from the queue's blobs.
inline constexpr std::size_t kDiskThreads = 2;

class Remoted {
 public:
  // Lives until the event loop has ended.
  Remoted(const asio::any_io_executor& executor, std::shared_ptr<const Options> options,
          Services& services);
  // What `peer` may ask; null for peers that have no business here.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(const std::string& peer);
  // For requests from now on.
  void set_options(std::shared_ptr<const Options> options) { options_ = std::move(options); }
  // queued has ended. The one that comes after it asks for everything again: what is in hand is not
  // delivered, unless the whole message has been sent already.
  void queue_gone();
  // Completes when nothing is in hand.
  Task<> drain();

 private:
  Task<Result<DeliverRemote::Reply>> answer(DeliverRemote request);
  void count(const DeliverRemote::Reply& reply);

  std::shared_ptr<const Options> options_;
  Services& services_;
  std::shared_ptr<ipc::Dispatcher> dispatcher_ = std::make_shared<ipc::Dispatcher>();
  std::shared_ptr<bool> abandoned_ = std::make_shared<bool>(false);  // of requests in hand
  asio::steady_timer idle_;  // cancelled when nothing is in hand
  std::size_t in_hand_ = 0;
};

}  // namespace toast::remote
