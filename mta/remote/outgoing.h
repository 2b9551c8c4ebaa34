// control/outgoingip: from which address, under which name we speak to other hosts, for all mail or
// for the senders of one domain.
//
//   192.0.2.1                          all mail over IPv4
//   192.0.2.1 mx.example.org           and this name in EHLO
//   example.org 192.0.2.7              senders of example.org
//   example.org 2001:db8::7 out.example.org
//
// One line for each family may stand for all mail and for each domain. A domain's mail over a
// family that it has no line for goes as all mail does; without any line the kernel chooses.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace toast::remote {

struct Source {
  std::optional<IpAddress> address;  // none: the kernel's choice
  std::string helo;
  friend bool operator==(const Source&, const Source&) = default;
};

class OutgoingAddresses {
 public:
  OutgoingAddresses() = default;
  // `lines` as ListSetting gives them; `helo` is the name where a line has none. Errors are
  // permanent and quote the line.
  [[nodiscard]] static Result<OutgoingAddresses> parse(const std::vector<std::string>& lines,
                                                       std::string helo);
  // The sender's domain if it has lines of its own, else "": connections are shared within these.
  std::string group_of(std::string_view reverse_path) const;
  Source choose(const std::string& group, bool v4) const;
  const std::string& helo() const { return helo_; }

 private:
  struct PerFamily {
    std::optional<Source> v4;
    std::optional<Source> v6;
    const std::optional<Source>& of(bool is_v4) const { return is_v4 ? v4 : v6; }
  };
  [[nodiscard]] Result<void> add(std::string_view line);

  std::string helo_;
  std::unordered_map<std::string, PerFamily> groups_;  // by domain; "": all mail
};

}  // namespace toast::remote
