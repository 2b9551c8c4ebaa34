// control/smtproutes: where the administrator sends mail for a domain instead of to its MX hosts.
// qmail's format, with LMTP relays added:
//
//   example.org:relay.test        the addresses of relay.test (its MX records are not looked at)
//   example.org:relay.test:2525   another port;  [::1]:25 and 192.0.2.1 are addresses
//   example.org:                  the MX hosts after all;  example.org::2525  at another port
//   example.org:lmtp:/run/x       LMTP to a local socket;  lmtp:host.test:24
//   .example.org:relay.test       every name below example.org
//   :relay.test                   every domain
//   :relay.test:587 joe FILE      logged in as joe, with the password in relay-auth/FILE
//
// The whole domain decides before a suffix, the longest suffix before a shorter one, the empty key
// last; of lines with the same key the last.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "mta/message/domain.h"
#include "mta/message/next_hop.h"

namespace toast::remote {

class Routes {
 public:
  Routes() = default;  // every domain by its MX records
  // One route a line, as ListSetting gives them. An error is permanent and quotes the line.
  [[nodiscard]] static Result<Routes> parse(const std::vector<std::string>& lines);
  // For an address literal without a route: that address.
  NextHop next_hop(const Domain& domain) const;
  // The file in relay-auth/ with the password for this login; null: no route has it (any more).
  const std::string* password_file(const NextHop& hop) const;

 private:
  struct OwnPort {  // by MX, at this port
    std::uint16_t port = kSmtpPort;
  };
  using Relay = std::variant<OwnPort, NextHop>;
  static Result<std::string> parse_key(std::string_view text);
  static Result<Relay> parse_relay(std::string_view text);
  struct Login {  // empty: none
    std::string_view user, password_file;
  };
  static Result<Login> take_login(std::string_view& relay);
  Result<void> add(std::string_view line);
  Result<void> add_login(Relay& relay, const Login& login);
  const Relay* find(std::string_view domain) const;

  std::unordered_map<std::string, Relay> relays_;  // "example.org", ".example.org", ""
  std::unordered_map<std::string, std::string> password_files_;  // by NextHop::str()
};

}  // namespace toast::remote
