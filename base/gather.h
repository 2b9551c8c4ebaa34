// Several coroutines side by side, for one that waits for all of them.
#pragma once

#include <asio/this_coro.hpp>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/async.h"

namespace toast {

template <class T>
struct Gathering {
  Gathering(const asio::any_io_executor& executor, std::size_t tasks)
      : all_done(executor), results(tasks), missing(tasks) {}
  asio::steady_timer all_done;  // never expires: cancelled by the last task
  std::vector<std::optional<T>> results;
  std::size_t missing;
};

template <class T>
Task<> gather_one(std::shared_ptr<Gathering<T>> into, std::size_t place, Task<T> task) {
  into->results[place].emplace(co_await std::move(task));
  if (--into->missing == 0) into->all_done.cancel();
}

// Runs the tasks on the caller's executor, which must be single-threaded. The results are in the
// order of the tasks. How many may run at a time is the caller's to bound.
template <class T>
Task<std::vector<T>> gather(std::vector<Task<T>> tasks) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto gathering = std::make_shared<Gathering<T>>(executor, tasks.size());
  gathering->all_done.expires_at(asio::steady_timer::time_point::max());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    spawn(executor, gather_one(gathering, i, std::move(tasks[i])));
  while (gathering->missing != 0) {
    auto [ignored] = co_await gathering->all_done.async_wait(no_throw);
    (void)ignored;
  }
  std::vector<T> results;
  results.reserve(gathering->results.size());
  for (std::optional<T>& result : gathering->results) results.push_back(std::move(*result));
  co_return results;
}

}  // namespace toast
