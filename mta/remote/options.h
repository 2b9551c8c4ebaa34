// What remote delivery is told, as plain values; main fills it from the settings.
#pragma once

#include <chrono>

#include "base/tls/client.h"
#include "mta/remote/outgoing.h"
#include "mta/remote/routes.h"

namespace toast::remote {

struct Options {
  OutgoingAddresses outgoing;  // and our name in EHLO
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds reply_timeout{300};
  tls::Policy tls = tls::Policy::opportunistic;  // where we do not log in
  Routes routes;                                 // for the logins' password files
};

}  // namespace toast::remote
