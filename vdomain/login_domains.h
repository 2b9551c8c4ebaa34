// Which domain a login name without one belongs to: by the address that the client has connected
// to, else one for all (logindomains, logindomain). As vpopmail's vipmap had it.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "mta/message/domain.h"

namespace toast::vdomain {

class LoginDomains {
 public:
  explicit LoginDomains(Domain for_all) : for_all_(std::move(for_all)) {}
  // Lines "192.0.2.1:example.org" or "[2001:db8::1]:example.org". Error: which line, and why.
  [[nodiscard]] static Result<LoginDomains> parse(Domain for_all,
                                                  const std::vector<std::string>& lines);
  // `local`: text of an address; what is none counts as not listed.
  const Domain& of(std::string_view local) const;

 private:
  Domain for_all_;
  std::map<IpAddress, Domain> by_address_;
};

}  // namespace toast::vdomain
