// What qmail-inject appends to addresses that are written short.
#pragma once

#include <string>

#include "mta/message/address_list.h"

namespace toast::compat {

// From control/ files, QMAILDEFAULTHOST, ...
struct HostDefaults {
  std::string host;         // x becomes x@host
  std::string domain;       // x@y becomes x@y.domain
  std::string plus_domain;  // x@y+ becomes x@y.plus_domain
  std::string id_host;      // of Message-ID
};

// Source routes were dropped when it was parsed; here a trailing dot, then a trailing "@" goes,
// then what is missing is appended. "<>" and "...@[]" stay.
void complete_address(ListedAddress& address, const HostDefaults& defaults);

}  // namespace toast::compat
