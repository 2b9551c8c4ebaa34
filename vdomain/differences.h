// In what an entry that exists differs from the one that was to be added: "quota is 5000 bytes, not
// unlimited; pop3 is on, not off". Empty: it is what was asked for, and adding it changes nothing.
#pragma once

#include <string>

#include "vdomain/directory_repository.h"
#include "vdomain/model.h"

namespace toast::vdomain {

std::string differences(const HostedDomain& present, const HostedDomain& wanted);
// A quota that was not asked for is not compared.
std::string differences(const DomainOwner& present, const DomainOwner& wanted);
std::string differences(const Mailbox& present, const NewMailbox& wanted);
std::string differences(const Alias& present, const Alias& wanted);

}  // namespace toast::vdomain
