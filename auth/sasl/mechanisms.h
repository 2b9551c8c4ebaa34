// The mechanisms themselves. Names are compared without case (RFC 4422 section 3.1 has them in
// upper case; clients are people's programs).
#pragma once

#include <memory>
#include <string_view>

#include "auth/sasl/mechanism.h"
#include "auth/sasl/names.h"

namespace toast::auth::sasl {

// Null: no such mechanism here.
std::unique_ptr<Mechanism> make_mechanism(std::string_view name);

}  // namespace toast::auth::sasl
