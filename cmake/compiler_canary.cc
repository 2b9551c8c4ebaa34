// The coroutine patterns that some compilers get wrong: a temporary inside a full expression with
// co_await is destroyed twice. Every object counts its constructions and destructions; a correct
// compiler ends with zero alive. Run at configure time by cmake/compiler.cmake.
#include <coroutine>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <utility>

namespace {

int alive = 0;

struct Counted {
  int* owned = new int(7);
  Counted() { ++alive; }
  Counted(const Counted&) { ++alive; }
  Counted(Counted&& other) noexcept : owned(std::exchange(other.owned, nullptr)) { ++alive; }
  ~Counted() {
    --alive;
    delete owned;
  }
};

struct Pair {
  Counted first;
  Counted second;
};

template <class T>
struct Task {
  struct promise_type {
    T* value = nullptr;
    std::coroutine_handle<> waiter;
    Task get_return_object() {
      return Task{std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Resume {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> h) noexcept {
          return h.promise().waiter ? h.promise().waiter : std::noop_coroutine();
        }
        void await_resume() noexcept {}
      };
      return Resume{};
    }
    void return_value(T v) { value = new T(std::move(v)); }
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
  explicit Task(std::coroutine_handle<promise_type> h) : handle(h) {}
  Task(Task&& other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
  ~Task() {
    if (!handle) return;
    delete handle.promise().value;
    handle.destroy();
  }
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiter) {
    handle.promise().waiter = waiter;
    return handle;
  }
  T await_resume() { return std::move(*handle.promise().value); }
};

Task<Counted> make() { co_return Counted{}; }
Task<int> take(Counted) { co_return 1; }
Task<int> take_pair(Pair) { co_return 1; }
template <class F>
Task<int> call(F f) {
  f();
  co_return 1;
}

Task<int> patterns(bool which) {
  int sum = 0;
  Counted captured;
  sum += co_await call([captured] { (void)captured; });
  sum += co_await take_pair(Pair{Counted{}, Counted{}});
  Counted chosen = which ? co_await make() : Counted{};
  sum += co_await take(chosen);
  co_return sum;
}

}  // namespace

int main() {
  for (const bool which : {true, false}) {
    Task<int> task = patterns(which);
    task.handle.resume();
    if (!task.handle.done()) return 1;
  }
  if (alive != 0) {
    std::printf("coroutine temporaries destroyed %d times too often or too rarely\n", -alive);
    return 1;
  }
  return 0;
}
