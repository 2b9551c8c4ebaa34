#include "mta/queue/commit_queue.h"

#include <utility>

namespace toast::queue {

CommitQueue::CommitQueue(asio::any_io_executor loop, Store& store,
                         std::chrono::microseconds urgent_wait)
    : loop_(loop),
      store_(store),
      urgent_wait_(urgent_wait),
      wait_(loop),
      housekeeping_timer_(loop) {
  arm_housekeeping();
}

CommitQueue::~CommitQueue() {
  *alive_ = false;
  thread_.join();
}

void CommitQueue::urgent(std::vector<Record> records, Done done) {
  add(std::move(records), std::move(done));
  if (failure_) return;
  const bool first = !std::exchange(urgent_waiting_, true);
  if (!busy_ && first) begin_soon(urgent_wait_);
}

void CommitQueue::relaxed(std::vector<Record> records, Done done) {
  add(std::move(records), std::move(done));
  if (failure_ || busy_ || urgent_waiting_) return;
  if (records_.size() >= kRelaxedMost)
    begin_soon(std::chrono::microseconds(0));
  else if (!scheduled_)
    begin_soon(kRelaxedWait);
}

Task<Result<void>> CommitQueue::commit(std::vector<Record> records) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<void>)>(
      [this](auto handler, std::vector<Record> given) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        urgent(std::move(given),
               [shared](const Result<void>& result, std::span<Record>) { (*shared)(result); });
      },
      asio::use_awaitable, std::move(records));
}

// A commit of nothing comes after all that was given before it.
Task<> CommitQueue::settle() {
  Result<void> ignored = co_await commit({});
  (void)ignored;
}

void CommitQueue::add(std::vector<Record> records, Done done) {
  if (failure_) {
    asio::post(loop_,
               [done = std::move(done), error = *failure_] { done(tl::unexpected(error), {}); });
    return;
  }
  // One wrong record must not take its neighbours down with it.
  for (const Record& record : records) {
    Result<void> good = check(record);
    if (good) continue;
    asio::post(loop_, [done = std::move(done), good = std::move(good)] { done(good, {}); });
    return;
  }
  submissions_.push_back(Submission{records.size(), std::move(done), {}});
  for (Record& record : records) records_.push_back(std::move(record));
}

// With no wait this runs after what is ready on the loop now, so that requests that came in one
// read share a batch.
void CommitQueue::begin_soon(std::chrono::microseconds wait) {
  if (wait.count() == 0) {
    wait_.cancel();
    scheduled_ = true;
    asio::post(loop_, [this, alive = alive_] {
      if (*alive) begin();
    });
    return;
  }
  scheduled_ = true;
  wait_.expires_after(wait);
  wait_.async_wait([this, alive = alive_](const asio::error_code& error) {
    if (*alive && !error) begin();
  });
}

void CommitQueue::begin() {
  scheduled_ = false;
  wait_.cancel();
  if (busy_ || submissions_.empty() || failure_) return;
  busy_ = true;
  urgent_waiting_ = false;
  auto batch = std::make_shared<Batch>();
  batch->records = std::exchange(records_, {});
  batch->submissions = std::exchange(submissions_, {});
  in_flight_ = batch->records.size();
  // The batch goes to the thread and comes back whole: its callbacks and what they own belong to
  // the loop, so the thread must not be the one that lets go of them last.
  asio::post(thread_, [this, batch = std::move(batch)]() mutable {
    commit_batch(store_, *batch);
    const bool goes_on = !batch->journal_failed;
    asio::post(loop_, [this, alive = alive_, batch = std::move(batch)] {
      if (*alive) finished(batch);
    });
    if (goes_on && store_.maintain()) {
      asio::post(loop_, [this, alive = alive_] {
        if (*alive) housekeep();
      });
    }
  });
}

void CommitQueue::commit_batch(Store& store, Batch& batch) {
  Result<void> whole;
  if (!batch.records.empty()) whole = store.commit(batch.records);
  const bool one_is_wrong = !whole && whole.error().failure == Failure::permanent;
  batch.journal_failed = !whole && !one_is_wrong;
  std::span<Record> rest(batch.records);
  for (Submission& submission : batch.submissions) {
    const std::span<Record> own = rest.first(submission.records);
    rest = rest.subspan(submission.records);
    submission.result = whole;
    if (!one_is_wrong) continue;
    if (own.empty() || batch.journal_failed) continue;
    submission.result = store.commit(own);  // find out whose it was
    batch.journal_failed =
        !submission.result && submission.result.error().failure == Failure::transient;
  }
}

void CommitQueue::finished(std::shared_ptr<Batch> batch) {
  busy_ = false;
  in_flight_ = 0;
  ++batches_;
  std::vector<Submission> stranded;
  if (batch->journal_failed) {
    for (const Submission& submission : batch->submissions)
      if (!submission.result) failure_ = submission.result.error();
    stranded = std::exchange(submissions_, {});
    records_.clear();
  }
  // It begins after the answers below, so what they bring about is in it.
  if (!submissions_.empty() && (urgent_waiting_ || records_.size() >= kRelaxedMost)) {
    begin_soon(urgent_wait_);
  } else if (!submissions_.empty()) {
    begin_soon(kRelaxedWait);
  }
  std::span<Record> rest(batch->records);
  for (Submission& submission : batch->submissions) {
    const std::span<Record> own = rest.first(submission.records);
    rest = rest.subspan(submission.records);
    submission.done(submission.result, own);
  }
  for (const Submission& submission : stranded) submission.done(tl::unexpected(*failure_), {});
}

void CommitQueue::housekeep() {
  if (busy_ || housekeeping_ || failure_) return;  // the next commit is followed by some
  housekeeping_ = true;
  asio::post(thread_, [this] {
    const bool more = store_.maintain();
    asio::post(loop_, [this, alive = alive_, more] {
      if (!*alive) return;
      housekeeping_ = false;
      if (more) housekeep();
    });
  });
}

void CommitQueue::arm_housekeeping() {
  housekeeping_timer_.expires_after(kMaintainEvery);
  housekeeping_timer_.async_wait([this, alive = alive_](const asio::error_code& error) {
    if (!*alive || error) return;
    housekeep();
    arm_housekeeping();
  });
}

}  // namespace toast::queue
