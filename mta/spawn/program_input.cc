#include "mta/spawn/program_input.h"

namespace toast::spawnd {

std::optional<Secret> program_input(std::string_view login, const Secret& password, WallTime now) {
  const std::string time = std::to_string(unix_seconds(now));
  const std::size_t size = login.size() + password.size() + time.size() + 3;
  if (size > kMaxProgramInput) return std::nullopt;
  if (login.find('\0') != std::string_view::npos ||
      password.view().find('\0') != std::string_view::npos)
    return std::nullopt;
  std::string text;
  text.reserve(size);  // so that no copy stays behind
  text.append(login).push_back('\0');
  text.append(password.view()).push_back('\0');
  text.append(time).push_back('\0');
  return Secret::take(text);
}

std::vector<std::string> program_environment(auth::Service service, const IpAddress& peer) {
  return {"PATH=/usr/bin:/bin", "PROTO=TCP", "TCPREMOTEIP=" + peer.str(),
          "SERVICE=" + std::string(auth::service_name(service))};
}

}  // namespace toast::spawnd
