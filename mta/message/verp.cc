#include "mta/message/verp.h"

namespace toast {

std::string expand_verp(std::string_view base, const Address& recipient) {
  Result<Address> owner = Address::parse(base);
  if (!owner) return std::string(base);
  const std::string local =
      owner->local_part() + recipient.local_part() + "=" + recipient.domain().str();
  Result<Address> expanded = Address::from_parts(local, owner->domain());
  return expanded ? expanded->str() : std::string(base);
}

}  // namespace toast
