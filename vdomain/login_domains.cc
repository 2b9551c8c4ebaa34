#include "vdomain/login_domains.h"

namespace toast::vdomain {
namespace {

// What stands in front of the last colon, without its brackets if it has any.
Result<IpAddress> parse_local(std::string_view text) {
  const bool bracketed = text.starts_with('[') && text.ends_with(']');
  if (bracketed) text = text.substr(1, text.size() - 2);
  Result<IpAddress> address = IpAddress::parse(text);
  if (address && !address->is_v4() && !bracketed)
    return permanent("an IPv6 address stands in brackets here");
  return address;
}

}  // namespace

Result<LoginDomains> LoginDomains::parse(Domain for_all, const std::vector<std::string>& lines) {
  LoginDomains domains(std::move(for_all));
  for (const std::string& line : lines) {
    const std::size_t colon = line.rfind(':');
    if (colon == std::string::npos || line.ends_with(']'))
      return permanent("\"" + line + "\": ADDRESS:domain or [ADDRESS]:domain is expected");
    Result<IpAddress> address = parse_local(std::string_view(line).substr(0, colon));
    if (!address) return pass(address, "\"" + line + "\"");
    Result<Domain> domain = Domain::parse(line.substr(colon + 1));
    if (!domain) return pass(domain, "\"" + line + "\"");
    if (domain->is_literal()) return permanent("\"" + line + "\": a domain's name is expected");
    if (!domains.by_address_.emplace(*address, std::move(*domain)).second)
      return permanent("\"" + line + "\": this address stands in another line, too");
  }
  return domains;
}

const Domain& LoginDomains::of(std::string_view local) const {
  if (by_address_.empty() || local.empty()) return for_all_;
  const Result<IpAddress> address = IpAddress::parse(local);
  if (!address) return for_all_;
  const auto found = by_address_.find(*address);
  return found == by_address_.end() ? for_all_ : found->second;
}

}  // namespace toast::vdomain
