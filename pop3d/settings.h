// The settings of control/ that the POP3 server uses, as its options.
#pragma once

#include "base/settings.h"
#include "pop3d/server.h"

namespace toast::pop3 {

// Caps over all POP3 servers are divided by `instances`, rounded up.
Options make_options(const Settings& settings, std::uint32_t instances);

}  // namespace toast::pop3
