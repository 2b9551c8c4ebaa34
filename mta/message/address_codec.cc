#include "mta/message/address_codec.h"

namespace toast {
namespace {

Address parse_or_fail(Decoder& d, std::string_view text) {
  Result<Address> address = Address::parse(text);
  if (address) return std::move(*address);
  d.fail("not an address");
  return *Address::parse("nobody@invalid");
}

}  // namespace

Address take_address(Decoder& d) { return parse_or_fail(d, d.bytes(kMaxEncodedAddress)); }

Domain take_domain(Decoder& d) {
  Result<Domain> domain = Domain::parse(d.bytes(kMaxDomain));
  if (domain) return std::move(*domain);
  d.fail("not a domain");
  return *Domain::parse("invalid");
}

ReversePath take_reverse_path(Decoder& d) {
  const std::string_view text = d.bytes(kMaxEncodedAddress);
  if (text.empty()) return std::nullopt;
  return parse_or_fail(d, text);
}

}  // namespace toast
