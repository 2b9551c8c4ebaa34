// The Received field that this server puts on top of a message (RFC 5321 section 4.4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "mta/message/address.h"

namespace toast {

struct ReceivedTrace {
  std::string_view helo;  // what the client called itself; empty if it did not
  // Its address: "192.0.2.7" or "2001:db8::7"; other text stands as it is. Empty: where from is
  // nobody's business.
  std::string_view peer;
  std::string_view host;      // our name
  std::string_view protocol;  // "ESMTP", "ESMTPSA"... (RFC 3848)
  std::string_view id;        // the queue id
  // Only when the message has exactly one recipient: a second one would show who got a blind copy.
  std::optional<Address> only_recipient;
  WallTime time;
};

// The whole field, LF line ends, folded below 78 columns where its words allow it, each line below
// 998. Bytes of the peer other than letters, digits and . @ % + / = : - [ ] _ become "?", so they
// cannot close a comment or begin a field.
std::string format_received(const ReceivedTrace& trace);

}  // namespace toast
