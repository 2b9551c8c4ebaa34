#include "mta/queue/retry_schedule.h"

#include <algorithm>
#include <cmath>

namespace toast::queue {

std::int64_t integer_square_root(std::int64_t n) {
  auto root = static_cast<std::int64_t>(std::sqrt(static_cast<double>(n)));
  while (root > 0 && root > n / root) --root;  // the floating root may be off by one
  while (root + 1 <= n / (root + 1)) ++root;
  return root;
}

Moment retry_at(Moment birth, Moment now, std::int64_t skip) {
  const std::int64_t age = std::max<std::int64_t>((now - birth).count(), 0);
  const std::int64_t step = integer_square_root(age) + skip;
  return birth + std::chrono::seconds(step * step);
}

std::chrono::seconds longest_wait(Moment birth, Moment now, std::int64_t skip) {
  const Moment start = std::min(birth, now);  // born in the future: as young as can be
  return retry_at(start, now, skip) - now;
}

}  // namespace toast::queue
