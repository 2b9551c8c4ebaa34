// Checks of single values, before anything is looked up: what no directory should hold. Each
// returns what is wrong and what would be right, or nothing.
#pragma once

#include <optional>
#include <string>

#include "vdomain/model.h"

namespace toast::vdomain::rules {

std::optional<std::string> wrong_with(const HostedDomain& domain);
std::optional<std::string> wrong_with_name(const Domain& name);
std::optional<std::string> wrong_with_local_part(const Address& address);
std::optional<std::string> wrong_with_mailbox(const Address& address,
                                              const std::string& display_name, const Quota& quota);
std::optional<std::string> wrong_with(const DomainOwner& owner);
std::optional<std::string> wrong_with(const Vacation& vacation);
std::optional<std::string> wrong_with(const Alias& alias);

}  // namespace toast::vdomain::rules
