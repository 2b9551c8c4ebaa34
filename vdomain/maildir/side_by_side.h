// Two pieces of a blocking job at once, where a thread of the pool has nothing else to do.
#pragma once

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <atomic>
#include <future>
#include <memory>

namespace toast::maildir {

// Runs both, returns when both are done. `theirs` goes to the pool; if no thread has begun it when
// `mine` is done, it is done here: callers that are threads of the same pool never wait for each
// other. Without a pool both run here.
template <class Mine, class Theirs>
void side_by_side(asio::thread_pool* pool, Mine mine, Theirs theirs) {
  if (pool == nullptr) {
    mine();
    return theirs();
  }
  struct Offer {
    std::atomic<bool> taken = false;
    std::promise<void> done;
  };
  auto offer = std::make_shared<Offer>();
  // `theirs` is looked at only by who takes the offer, and then this call still waits.
  asio::post(*pool, [offer, &theirs] {
    if (offer->taken.exchange(true)) return;
    theirs();
    offer->done.set_value();
  });
  mine();
  if (!offer->taken.exchange(true)) return theirs();
  offer->done.get_future().wait();
}

}  // namespace toast::maildir
