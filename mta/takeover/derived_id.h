// The queue id of a message that had none of ours: the same each time it is asked for, so that
// taking it over twice is noticed. It lies in the first 51 days of 2026 (2^42 microseconds), before
// any that this version makes, so it does not push the source of new ids into the future.
#pragma once

#include <cstdint>
#include <string_view>

#include "mta/message/message_id.h"

namespace toast::takeover {

// 42 bits of microseconds, and the 13 below them that tell apart ids of one microsecond.
inline constexpr std::uint64_t kDerivedIdsEnd = std::uint64_t{1} << (42U + 13U);

// `identity`: what makes this message itself. `attempt`: 0; more when another message is found to
// have that id, which happens once in 2^55.
MessageId derived_id(std::string_view identity, std::uint64_t attempt);

}  // namespace toast::takeover
