// The threads that deliver. Each takes what waits, a fair share of it at a time, and carries it
// through the steps of delivery.h together; with little to do that share is one message and nothing
// waits for company.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "vdomain/maildir/delivery.h"

namespace toast::maildir {

// As control/maildeliverythreads. Few threads with long batches keep as many syncs under way as
// many threads with short ones, and cost fewer changes between threads; where the file system has a
// journal, the first sync of a batch does the work of all. tests/bench/maildir/ measures others.
inline constexpr std::size_t kDefaultDeliveryThreads = 4;
inline constexpr std::size_t kMaxBatch = 8;  // half of what queued has in hand, by all threads

class DeliveryPool {
 public:
  DeliveryPool(Deliverer& deliverer, std::size_t threads, std::size_t max_batch = kMaxBatch);
  // Finishes everything that was submitted.
  ~DeliveryPool();
  DeliveryPool(const DeliveryPool&) = delete;
  DeliveryPool& operator=(const DeliveryPool&) = delete;

  // `delivery->report` is called on a thread of the pool.
  void submit(std::unique_ptr<Delivery> delivery);

 private:
  void work();
  std::vector<std::unique_ptr<Delivery>> take();

  Deliverer& deliverer_;
  const std::size_t thread_count_;
  const std::size_t max_batch_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<Delivery>> waiting_;
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace toast::maildir
