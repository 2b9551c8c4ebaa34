// Options from the instance's settings.
#pragma once

#include "base/settings.h"
#include "mta/smtpd/options.h"

namespace toast::smtpd {

// `processes`: how many SMTP servers the instance runs; the limits on connections are divided.
Options options_from(const Settings& settings, std::size_t processes);

}  // namespace toast::smtpd
