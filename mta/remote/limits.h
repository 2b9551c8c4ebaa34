// Limits of remote delivery that others must know, and those that several parts share.
#pragma once

#include <chrono>
#include <cstddef>

namespace toast::remote {

// One DeliverRemote from its arrival to its answer, whatever happens: 8 addresses that never answer
// (30 s each), a slow host, a large message. Who asks waits a little longer than this.
inline constexpr std::chrono::minutes kRequestTime{60};

inline constexpr std::size_t kContentBlock = 64 * 1024;  // read, encoded and sent at a time
// Commands sent before a reply is read. With less unread on either side than the smallest socket
// buffers hold, client and server cannot both wait to write (RFC 2920 section 3.1).
inline constexpr std::size_t kMaxGroupBytes = 8 * 1024;

}  // namespace toast::remote
