// Which addresses to try for a next hop, best first (RFC 5321 section 5.1).
#pragma once

#include <string>
#include <vector>

#include "base/async.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "mta/message/next_hop.h"

namespace toast::remote {

// Tried for one transaction: enough for two hosts with four addresses each (section 5.1 asks for
// at least two addresses), few enough that a destination with fifty dead ones ends in time.
inline constexpr std::size_t kMaxCandidates = 8;

struct Candidate {
  std::string host;  // the MX host's name, or the address as text: for logs, later for certificates
  Endpoint endpoint;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

class HostFinder {
 public:
  virtual ~HostFinder() = default;
  // Never empty on success. Permanent: the domain does not exist (5.1.2), takes no mail (5.1.10),
  // is ourselves (5.4.6), has no address (5.4.4). Transient: the DNS cannot tell now (4.4.3).
  // Error.reply begins with that status. Not for a next hop that is a socket.
  virtual Task<Result<std::vector<Candidate>>> find(NextHop hop) = 0;
};

}  // namespace toast::remote
