#include "base/heap_release.h"

#include <malloc.h>

#include <asio/this_coro.hpp>

namespace toast {

bool release_free_heap() {
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
