// The model as JSON objects, for the audit: stable keys, no secrets, no internal numbers.
#pragma once

#include <string>

#include "vdomain/model.h"

namespace toast::vdomain {

std::string to_json(const HostedDomain& domain);
std::string to_json(const DomainAlias& alias);
std::string to_json(const Mailbox& mailbox);
std::string to_json(const Alias& alias);
std::string to_json(const DomainOwner& owner);
std::string to_json(const Vacation& vacation);

}  // namespace toast::vdomain
