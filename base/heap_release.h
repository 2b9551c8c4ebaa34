// Heap that a burst has left behind goes back to the kernel. malloc keeps what was freed for the
// next burst, in every thread's arena, and only memory at an arena's very end ever leaves by
// itself: after five thousand logins at one moment the keepers held on to some 45 MB.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/async.h"

namespace toast {

// A look every so often, and not at the end of each burst: a busy program pays the page faults for
// memory it uses again at most this often.
inline constexpr std::chrono::seconds kHeapLook{10};
// Free heap that is not worth a system call.
inline constexpr std::size_t kHeapSpare = std::size_t{2} << 20U;

// Gives the free pages of all arenas back. False: there was little to give. Threads that allocate
// wait while their arena is swept, a few milliseconds for some 20 MB.
bool release_free_heap();

// Does so every kHeapLook, for as long as the program runs.
Task<> release_free_heap_regularly();

}  // namespace toast
