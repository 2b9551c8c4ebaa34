// The threads that deliver. Each takes what waits, a fair share of it at a time, and carries it
// through the steps of delivery.h together; with little to do that share is one message and nothing
// waits for company. Half of the threads sleep until several batches wait: with few messages
// under way, more threads only change places more often.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "vdomain/maildir/delivery.h"

namespace toast::maildir {

// As control/maildeliverythreads. Where the file system has a journal, the first sync of a batch
// does the work of all. tests/bench/maildir/ measures other numbers.
inline constexpr std::size_t kDefaultDeliveryThreads = 8;
inline constexpr std::size_t kMaxBatch = 8;  // with all threads: what queued has in hand
// Batches that wait when the second half of the threads joins in: a message to many recipients.
inline constexpr std::size_t kCrowd = 3;

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
  std::size_t at_work_ = 0;  // threads with a batch in hand
  bool closing_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace toast::maildir
