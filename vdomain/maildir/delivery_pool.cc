#include "vdomain/maildir/delivery_pool.h"

#include <algorithm>

namespace toast::maildir {

DeliveryPool::DeliveryPool(Deliverer& deliverer, std::size_t threads, std::size_t max_batch)
    : deliverer_(deliverer),
      thread_count_(std::max<std::size_t>(1, threads)),
      max_batch_(std::max<std::size_t>(1, max_batch)) {
  threads_.reserve(thread_count_);
  for (std::size_t i = 0; i < thread_count_; ++i) threads_.emplace_back([this] { work(); });
}

DeliveryPool::~DeliveryPool() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void DeliveryPool::submit(std::unique_ptr<Delivery> delivery) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(delivery));
  }
  wake_.notify_one();
}

std::vector<std::unique_ptr<Delivery>> DeliveryPool::take() {
  std::unique_lock lock(mutex_);
  // No message is left behind: a thread that is at work comes by here when it has finished.
  wake_.wait(lock, [&] {
    const bool enough_at_work = at_work_ >= (thread_count_ + 1) / 2;
    return closing_ || waiting_.size() > (enough_at_work ? kCrowd * max_batch_ : 0);
  });
  const std::size_t share = (waiting_.size() + thread_count_ - 1) / thread_count_;
  const std::size_t count = std::min({share, max_batch_, waiting_.size()});
  std::vector<std::unique_ptr<Delivery>> batch;
  batch.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    batch.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (!batch.empty()) ++at_work_;
  return batch;
}

void DeliveryPool::work() {
  for (;;) {
    std::vector<std::unique_ptr<Delivery>> batch = take();
    if (batch.empty()) return;  // closing, and nothing is left
    deliverer_.deliver(batch);
    const std::lock_guard lock(mutex_);
    --at_work_;
  }
}

}  // namespace toast::maildir
