// Any bytes as a PROXY header: within its bounds, or refused. However much of it is there, the
// size that is said never grows past the limit, and never changes once it is known.
#include <cstdlib>

#include "base/proxy_header.h"

using namespace toast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::size_t said = 0;
  for (std::size_t n = 0; n <= std::min<std::size_t>(size, 64); ++n) {
    const Result<std::size_t> now = proxy_header_size(input.substr(0, n));
    if (!now) break;
    if (*now < n && n <= kProxyPrefix) std::abort();
    if (*now > kMaxProxyHeader || (n > kProxyPrefix && *now != said)) std::abort();
    said = *now;
  }
  const Result<ProxyHeader> header = parse_proxy_header(input);
  if (header && said != size) std::abort();
  return 0;
}
