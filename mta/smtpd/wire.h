// The server's view of a connection is that of both sides of SMTP (mta/smtp/wire.h).
#pragma once

#include "mta/smtp/wire.h"

namespace toast::smtpd {

using smtp::Wire;
using smtp::WireEnd;
std::string_view describe(WireEnd end);

}  // namespace toast::smtpd
