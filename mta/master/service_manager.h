// Tells the service manager (systemd, Type=notify) how toastd is: the sd_notify protocol, one
// datagram to the socket that NOTIFY_SOCKET names.
#pragma once

#include <string>

namespace toast::master {

// Nothing happens when `socket_path` is empty; nobody can act on a failure.
void notify_service_manager(const std::string& socket_path, const std::string& state);

}  // namespace toast::master
