// First in, first out, in one block of memory: nothing when empty, where std::deque takes 600
// bytes. The queue holds hundreds of thousands of these, most with one element.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace toast::queue {

template <class T>
class Fifo {
 public:
  bool empty() const { return head_ == items_.size(); }
  std::size_t size() const { return items_.size() - head_; }
  T& front() { return items_[head_]; }
  T& operator[](std::size_t i) { return items_[head_ + i]; }
  const T& operator[](std::size_t i) const { return items_[head_ + i]; }
  void push_back(T item) { items_.push_back(std::move(item)); }
  void push_front(T item) {
    if (head_ > 0)
      items_[--head_] = std::move(item);
    else
      items_.insert(items_.begin(), std::move(item));
  }
  void pop_front(std::size_t n = 1) {
    head_ += n;
    if (empty()) {
      items_ = std::vector<T>();  // = {} would keep the memory
      head_ = 0;
    } else if (head_ > items_.size() / 2 && head_ >= kWorthMoving) {  // amortised: each moves once
      drop_head();
    }
  }
  // Takes the element at `i` out; the others keep their order. i must be small.
  T take(std::size_t i) {
    T taken = std::move(items_[head_ + i]);
    std::move_backward(begin(), begin() + static_cast<std::ptrdiff_t>(i),
                       begin() + static_cast<std::ptrdiff_t>(i) + 1);
    pop_front();
    return taken;
  }
  // Returns how many went.
  template <class Predicate>
  std::size_t remove_if(Predicate gone) {
    const std::size_t before = size();
    drop_head();
    std::erase_if(items_, gone);
    return before - size();
  }

 private:
  static constexpr std::size_t kWorthMoving = 32;
  auto begin() { return items_.begin() + static_cast<std::ptrdiff_t>(head_); }
  void drop_head() {
    items_.erase(items_.begin(), begin());
    head_ = 0;
  }
  std::vector<T> items_;
  std::size_t head_ = 0;
};

}  // namespace toast::queue
