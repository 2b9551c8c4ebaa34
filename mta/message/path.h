// Paths of the SMTP commands MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.2).
#pragma once

#include <string_view>
#include <variant>

#include "base/result.h"
#include "mta/message/address.h"

namespace toast {

// RCPT TO:<postmaster> without a domain, any case: always accepted (RFC 5321 section 4.5.1).
struct Postmaster {
  friend bool operator==(const Postmaster&, const Postmaster&) = default;
};
using ForwardPath = std::variant<Address, Postmaster>;

// Each reads a path with its brackets from the front of `text` and leaves `text` at what follows.
// A source route <@a,@b:c@d> is checked and dropped; it is never used (RFC 5321 appendix C).
// "<>" is a reverse path only, "<postmaster>" a forward path only.
[[nodiscard]] Result<ReversePath> take_reverse_path(std::string_view& text);
[[nodiscard]] Result<ForwardPath> take_forward_path(std::string_view& text);

}  // namespace toast
