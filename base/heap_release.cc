#include "base/heap_release.h"

#include <malloc.h>

#include <asio/this_coro.hpp>
#include <cstddef>

// jemalloc's, where a program is linked with it.
extern "C" [[gnu::weak]] int mallctl(const char* name, void* old, std::size_t* old_size, void* now,
                                     std::size_t now_size) noexcept;

namespace toast {

bool release_free_heap() {
  // What has been free for 10 s (its opt.dirty_decay_ms); it looks by itself only when it is
  // called.
  if (mallctl != nullptr)
    return mallctl("arena.4096.decay", nullptr, nullptr, nullptr, 0) == 0;  // 4096: all
  // Counts what was given back before and not used since, too; giving it again costs little.
  if (::mallinfo2().fordblks < kHeapSpare) return false;
  return ::malloc_trim(0) == 1;
}

Task<> release_free_heap_regularly() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(kHeapLook);
    auto [failed] = co_await timer.async_wait(no_throw);
    if (failed) co_return;
    release_free_heap();
  }
}

}  // namespace toast
