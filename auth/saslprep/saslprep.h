// Passwords as SASLprep (RFC 4013) leaves them: the same password typed on another keyboard, with
// other code points for the same letters, is the same password. SCRAM asks for it; here it holds
// for every way to log in and to set a password, or the ways would disagree.
//
// ASCII is left as it is. Text that SASLprep refuses (no UTF-8, forbidden or unassigned code
// points) is left as it is, too: imported passwords may have been chosen in Latin-1, and must go on
// working.
#pragma once

#include "base/secret.h"

namespace toast::auth {

Secret saslprep(const Secret& password);

}  // namespace toast::auth
