// The date-time of RFC 5322 section 3.3, as we write it: always UTC.
#pragma once

#include <string>

#include "base/clock.h"

namespace toast {

// "Sun, 22 Nov 2026 14:00:00 +0000"
std::string format_date(WallTime time);
// "22 Nov 2026 14:00:00 -0000": qmail's, which says nothing of the zone that the host is in.
std::string format_qmail_date(WallTime time);

}  // namespace toast
