// "name", "name:25", "[2001:db8::1]:25": how next hops and routes write a host with its port.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace toast {

struct HostPort {
  std::string_view host;              // with its brackets; not looked at any further
  std::optional<std::uint16_t> port;  // 1 to 65535
};

// The port is what follows the last colon outside brackets. `text` must outlive the result. Errors
// are permanent.
[[nodiscard]] Result<HostPort> split_host_port(std::string_view text);

}  // namespace toast
