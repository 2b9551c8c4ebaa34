// Coroutine glue over Asio: one io_context per process, single-threaded; blocking work on a pool.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace toast {

template <class T = void>
using Task = asio::awaitable<T>;

// `auto [ec, n] = co_await socket.async_read_some(buffer, no_throw);`
inline constexpr auto no_throw = asio::experimental::as_tuple(asio::use_awaitable);

// Starts a coroutine that nobody waits for. An exception that leaves it is a defect of ours: the
// process ends and toastd starts a clean one, rather than going on in a state nobody thought of.
template <class Executor, class T>
void spawn(const Executor& executor, Task<T> task) {
  asio::co_spawn(executor, std::move(task), [](std::exception_ptr failure, auto&&...) {
    if (failure) std::terminate();
  });
}

// Runs `work` (blocking) on the pool and resumes the caller on its own executor with the result.
// `work` owns what it uses.
template <class Work, class Value = std::invoke_result_t<Work>>
Task<Value> run_blocking(asio::thread_pool& pool, Work work) {
  return asio::async_initiate<const asio::use_awaitable_t<>&, void(std::exception_ptr, Value)>(
      [&pool](auto handler, Work job) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        auto executor = asio::get_associated_executor(*shared);
        asio::post(pool, [shared, executor, job = std::move(job)]() mutable {
          auto value = std::make_shared<Value>(job());
          asio::post(executor, [shared = std::move(shared), value]() mutable {
            (*shared)(std::exception_ptr{}, std::move(*value));
          });
        });
      },
      asio::use_awaitable, std::move(work));
}

// A deadline that can be moved at no cost: one timer per session, re-armed only when it fires
// early.
class Deadline {
 public:
  // `expired` runs at most once, on the executor.
  template <class F>
  Deadline(const asio::any_io_executor& executor, std::chrono::steady_clock::time_point at,
           F expired)
      : state_(std::make_shared<State>(executor, at)) {
    wait(state_, std::move(expired));
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  // NOLINTNEXTLINE(bugprone-exception-escape): to cancel a timer does not fail
  ~Deadline() {
    state_->live = false;
    state_->timer.cancel();
  }
  // Later is free; earlier re-arms the timer.
  void move_to(std::chrono::steady_clock::time_point at) {
    const bool earlier = at < state_->armed_for;
    state_->at = at;
    if (earlier) state_->timer.cancel();  // the wait below sees that it is early and re-arms
  }

 private:
  struct State {
    State(const asio::any_io_executor& executor, std::chrono::steady_clock::time_point when)
        : timer(executor), at(when) {}
    asio::steady_timer timer;
    std::chrono::steady_clock::time_point at;
    std::chrono::steady_clock::time_point armed_for;
    bool live = true;
  };
  template <class F>
  static void wait(std::shared_ptr<State> state, F expired) {
    state->armed_for = state->at;
    state->timer.expires_at(state->at);
    State& s = *state;
    s.timer.async_wait(
        [state = std::move(state), expired = std::move(expired)](const asio::error_code&) mutable {
          if (!state->live) return;
          if (std::chrono::steady_clock::now() < state->at)
            return wait(std::move(state), std::move(expired));
          state->live = false;
          expired();
        });
  }
  std::shared_ptr<State> state_;
};

}  // namespace toast
