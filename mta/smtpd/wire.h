// A session's connection to its client: bytes, a deadline, and the ways it can end. The real one is
// a socket (socket_wire.h).
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/async.h"
#include "base/clock.h"

namespace toast::smtpd {

enum class WireEnd : unsigned char {
  closed,     // by the client, or broken
  timed_out,  // the deadline has passed
  stopped,    // the server is shutting down
};
std::string_view describe(WireEnd end);

class Wire {
 public:
  virtual ~Wire() = default;
  // Reads and waits for the socket end with timed_out from here on.
  virtual void set_deadline(SteadyTime at) = 0;
  // At least one byte. The view is valid until the caller suspends: take what it holds at once.
  // With `may_stop` a server that shuts down ends the wait.
  virtual Task<tl::expected<std::string_view, WireEnd>> read(bool may_stop) = 0;
  // Sends what the socket takes now and removes it from the front of `out`. False: broken.
  virtual bool write_some(std::string& out) = 0;
  // Waits until write_some() can go on.
  virtual Task<tl::expected<void, WireEnd>> writable() = 0;
};

}  // namespace toast::smtpd
