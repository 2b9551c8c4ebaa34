#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

namespace toast {

void SystemRandom::fill(std::span<unsigned char> out) {
  while (!out.empty()) {
    const ssize_t n = ::getrandom(out.data(), out.size(), 0);
    if (n < 0) {
      if (errno == EINTR) continue;
      std::abort();  // no randomness: nothing safe can follow
    }
    out = out.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace toast
