// The mechanisms themselves. Names are compared without case (RFC 4422 section 3.1 has them in
// upper case; clients are people's programs).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "auth/sasl/mechanism.h"
#include "auth/sasl/names.h"

namespace toast::auth::sasl {

struct MechanismContext {
  Offer offer;
  std::string binding;      // tls-exporter's bytes; empty: none, hence no -PLUS
  std::string nonce;        // printable, no comma, never used before
  std::string challenge{};  // of CRAM-MD5: never used before
};
// Null: no such mechanism here, or not on this connection.
std::unique_ptr<Mechanism> make_mechanism(std::string_view name, MechanismContext context = {});

}  // namespace toast::auth::sasl
