// What a server says once and never again, for a client to mix with its password: the timestamp of
// APOP (RFC 1939 section 7), the challenge of CRAM-MD5 (RFC 2195 section 2). Both have the form of
// a message id. 128 random bits stand for process number and clock: nobody meets one twice, and
// nobody can ask a client for its answer beforehand.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/random.h"

namespace toast::auth {

inline constexpr std::size_t kStampBytes = 16;
// With a host name of 253 bytes (RFC 1035 section 2.3.4).
inline constexpr std::size_t kMaxStamp = 2 * kStampBytes + 253 + 3;

std::string make_stamp(Random& random, std::string_view host_name);

}  // namespace toast::auth
