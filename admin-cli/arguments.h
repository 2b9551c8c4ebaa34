// Words of the command line as values; what is wrong with one is said with its name.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "admin-cli/failure.h"
#include "mta/message/address.h"
#include "mta/message/domain.h"

namespace toast::admin {

Wanted<Address> parse_address(const std::string& text);
Wanted<Domain> parse_domain(const std::string& text);
// "1G", "10MiB", "500000", "1.5G"; "unlimited" is 0. A number alone is bytes; "10X" and "-1" are
// refused.
Wanted<std::uint64_t> parse_size(const std::string& text, const std::string& option);
// A count; "unlimited" is none.
Wanted<std::optional<std::uint64_t>> parse_limit(const std::string& text,
                                                 const std::string& option);
// A sending limit of a domain or an owner: a number, "unlimited" (0), or "default" (none): as the
// settings say.
Wanted<std::optional<std::uint64_t>> parse_send_limit(const std::string& text,
                                                      const std::string& option);
// "90s", "15m", "4h", "2d", "1w"; a number alone is seconds.
Wanted<std::chrono::seconds> parse_age(const std::string& text, const std::string& option);
// "on" or "off", and their usual other names.
Wanted<bool> parse_switch(const std::string& text, const std::string& option);

}  // namespace toast::admin
