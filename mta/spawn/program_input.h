// What a checkpassword program is told (cr.yp.to/checkpwd/interface.html): on descriptor 3
// login NUL password NUL timestamp NUL, 512 bytes at most, and its environment.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/service.h"
#include "base/clock.h"
#include "base/ip_address.h"
#include "base/secret.h"

namespace toast::spawnd {

inline constexpr int kProgramInput = 3;
inline constexpr std::size_t kMaxProgramInput = 512;

// None: it cannot be said in this form (a NUL in it, too long), so it is not the password. The
// timestamp is for APOP; here it is the time, in seconds.
std::optional<Secret> program_input(std::string_view login, const Secret& password, WallTime now);

// PATH, and what tcpserver and Dovecot tell such programs of the client; nothing of ours.
std::vector<std::string> program_environment(auth::Service service, const IpAddress& peer);

}  // namespace toast::spawnd
