// Asks toast-authd over run/auth.sock.
#pragma once

#include "admin-cli/program_socket.h"
#include "auth/desk_messages.h"

namespace toast::admin {

inline constexpr ProgramSocket kAuthdSocket{auth::kAuthSocket, "toast-authd"};

struct AuthClient {
  static Wanted<std::unique_ptr<ProgramClient>> connect(const Instance& instance) {
    return ProgramClient::connect(instance, kAuthdSocket, "and it alone knows of logins");
  }
};

}  // namespace toast::admin
