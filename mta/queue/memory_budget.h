// One bound for the bytes of message bodies held in memory: in arrival, and until their first
// delivery. Who gets no share uses the disk instead.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace toast::queue {

class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit) : state_(std::make_shared<State>(State{limit, 0})) {}
  void set_limit(std::uint64_t limit) { state_->limit = limit; }
  std::uint64_t used() const { return state_->used; }

 private:
  friend class MemoryShare;
  struct State {
    std::uint64_t limit;
    std::uint64_t used;
  };
  std::shared_ptr<State> state_;  // shares may live longer than the budget
};

// Bytes taken from a budget, given back with this object.
class MemoryShare {
 public:
  explicit MemoryShare(MemoryBudget& budget) : budget_(budget.state_) {}
  MemoryShare(MemoryShare&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryShare& operator=(MemoryShare&&) = delete;
  ~MemoryShare() { release(); }

  // False, and nothing taken, if the budget does not allow it.
  bool grow(std::uint64_t bytes) {
    if (budget_->used + bytes > budget_->limit) return false;
    budget_->used += bytes;
    bytes_ += bytes;
    return true;
  }
  void release() {
    if (budget_) budget_->used -= std::exchange(bytes_, 0);  // none: it was moved from
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<MemoryBudget::State> budget_;
  std::uint64_t bytes_ = 0;
};

}  // namespace toast::queue
