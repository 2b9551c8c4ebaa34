// Addresses as local programs give them to qmail-queue: text without quoting rules, parsed here
// into types. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "mta/message/address.h"

namespace toast::queue {

// What follows the last "@" is the domain, the rest is the local part as it is, quotes and all. A
// name without "@" is one at `default_host` (control/envnoathost). Errors are permanent: 5.1.3.
[[nodiscard]] Result<Address> parse_local_recipient(std::string_view text,
                                                    std::string_view default_host);

struct LocalSender {
  ReversePath path;            // none: the null sender, or that of a double bounce
  bool verp = false;           // it ended in "-@[]": each recipient gets a sender of its own
  bool double_bounce = false;  // "#@[]"
};
[[nodiscard]] Result<LocalSender> parse_local_sender(std::string_view text,
                                                     std::string_view default_host);

}  // namespace toast::queue
