// Runs coroutines to their end in a test.
#pragma once

#include <optional>
#include <utility>

#include "base/async.h"

namespace toast {

template <class T>
Task<> store_result(Task<T> task, std::shared_ptr<std::optional<T>> out) {
  out->emplace(co_await std::move(task));
}

// A coroutine started on `io`; `ready()` once it has ended.
template <class T>
class Started {
 public:
  Started(asio::io_context& io, Task<T> task) {
    spawn(io.get_executor(), store_result(std::move(task), result_));
  }
  bool ready() const { return result_->has_value(); }
  T& value() { return **result_; }

 private:
  std::shared_ptr<std::optional<T>> result_ = std::make_shared<std::optional<T>>();
};

// Runs the loop until the coroutine has ended (other work may go on).
template <class T>
T run_task(asio::io_context& io, Task<T> task) {
  Started<T> started(io, std::move(task));
  while (!started.ready()) {
    io.restart();
    if (io.run_one() == 0) std::abort();  // nothing left to do and no result: a lost wake-up
  }
  return std::move(started.value());
}
inline Task<bool> then_true(Task<> task) {
  co_await std::move(task);
  co_return true;
}
inline void run_task(asio::io_context& io, Task<> task) {
  run_task(io, then_true(std::move(task)));
}

// Runs what is ready now, without waiting for threads or timers.
inline void run_ready(asio::io_context& io) {
  io.restart();
  io.poll();
}

}  // namespace toast
