// A connection as both sides of SMTP see it: bytes, a deadline, and the ways it can end. The real
// one is a socket (socket_wire.h).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/async.h"
#include "base/clock.h"

namespace toast::smtp {

enum class WireEnd : unsigned char {
  closed,     // by the peer, or broken
  timed_out,  // the deadline has passed
  stopped,    // we are shutting down
};

class Wire {
 public:
  virtual ~Wire() = default;
  // Reads and waits for the socket end with timed_out from here on.
  virtual void set_deadline(SteadyTime at) = 0;
  // At least one byte. The view is valid until the caller suspends: take what it holds at once.
  // With `may_stop` a shutdown ends the wait.
  virtual Task<tl::expected<std::string_view, WireEnd>> read(bool may_stop) = 0;
  // As read(), but only what has arrived already; empty: nothing has.
  virtual tl::expected<std::string_view, WireEnd> read_now() = 0;
  // Wipes what the last read returned, where it was decrypted: it may hold a password.
  virtual void forget_input() {}
  // Sends what the socket takes now and removes it from the front of `out`. False: broken.
  virtual bool write_some(std::string& out) = 0;
  // Waits until write_some() can go on.
  virtual Task<tl::expected<void, WireEnd>> writable() = 0;
};

}  // namespace toast::smtp
