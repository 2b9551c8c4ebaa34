// The way into the journal: whatever waits shares one disk sync. Batches form by themselves: while
// one commit is under way the records for the next gather, and nobody waits when the disk is idle.
//
// Two manners of waiting: `urgent` records (somebody is waiting for an answer) begin a commit at
// once; `relaxed` ones (outcomes, which nobody waits for) ride along with the next, or start one
// after kRelaxedWait. An outcome that is lost in a crash costs a repeated delivery, which its file
// name shows to be the same.
//
// Records are durable in the order in which they were given. One event loop, one thread that
// commits.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/async.h"
#include "mta/queue/store.h"

namespace toast::queue {

inline constexpr std::chrono::milliseconds kRelaxedWait{5};
// Relaxed records beyond which a commit begins anyway.
inline constexpr std::size_t kRelaxedMost = 512;
// Free space and the like are looked at this often when nothing else happens.
inline constexpr std::chrono::seconds kMaintainEvery{5};

class CommitQueue {
 public:
  // Runs on the loop. On success the records are those that were given, durable.
  using Done = std::function<void(const Result<void>& result, std::span<Record> records)>;

  CommitQueue(asio::any_io_executor loop, Store& store, std::chrono::microseconds urgent_wait);
  ~CommitQueue();
  CommitQueue(const CommitQueue&) = delete;
  CommitQueue& operator=(const CommitQueue&) = delete;

  void urgent(std::vector<Record> records, Done done);
  void relaxed(std::vector<Record> records, Done done);
  Task<Result<void>> commit(std::vector<Record> records);  // urgent, awaited

  // Waits until everything given so far is durable or has failed.
  Task<> settle();

  // The journal has failed: nothing is taken any more.
  const std::optional<Error>& failure() const { return failure_; }
  std::size_t backlog() const { return records_.size() + in_flight_; }
  std::uint64_t batches() const { return batches_; }

  void set_urgent_wait(std::chrono::microseconds wait) { urgent_wait_ = wait; }

 private:
  struct Submission {
    std::size_t records = 0;
    Done done;
    Result<void> result;
  };
  struct Batch {
    std::vector<Record> records;
    std::vector<Submission> submissions;
    bool journal_failed = false;
    bool more_housekeeping = false;
  };

  void add(std::vector<Record> records, Done done);
  void begin_soon(std::chrono::microseconds wait);
  void begin();
  void finished(std::shared_ptr<Batch> batch);
  void housekeep();
  void arm_housekeeping();
  static void commit_batch(Store& store, Batch& batch);

  asio::any_io_executor loop_;
  Store& store_;
  std::chrono::microseconds urgent_wait_;
  std::vector<Record> records_;  // for the next batch
  std::vector<Submission> submissions_;
  std::size_t in_flight_ = 0;
  bool busy_ = false;       // a commit is under way
  bool scheduled_ = false;  // begin() is on its way
  bool urgent_waiting_ = false;
  bool housekeeping_ = false;
  std::optional<Error> failure_;
  std::uint64_t batches_ = 0;
  asio::steady_timer wait_;
  asio::steady_timer housekeeping_timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  asio::thread_pool thread_{1};  // last: joined before anything it uses goes
};

}  // namespace toast::queue
