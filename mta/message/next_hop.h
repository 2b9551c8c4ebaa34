// Where mail for a destination is handed over: the hosts of a domain's MX records, one host that
// the administrator named (smtproutes), or an LMTP server. Its text is the destination's name
// everywhere: in the schedule, in logs, in `toastctl queue`.
//
//   example.org            the MX hosts of example.org, port 25
//   example.org:2525       the same, another port
//   [192.0.2.1]:25         this address;  [2001:db8::1]:25
//   host:relay.test:25     this host's addresses, its MX records are not looked at
//   host:joe@relay.test:587 the same, and we log in there as joe;  host:joe@[192.0.2.1]:587
//   lmtp:host.test:24      LMTP (RFC 2033) to this host;  lmtp:[127.0.0.1]:24
//   lmtp:/run/dovecot/lmtp LMTP to a local socket
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mta/message/domain.h"

namespace toast {

inline constexpr std::uint16_t kSmtpPort = 25;
inline constexpr std::size_t kMaxLogin = 128;           // our user name at a relay
inline constexpr std::size_t kMaxNextHop = 430;         // a login, a domain, a prefix, a port
inline constexpr std::size_t kMaxLmtpSocketPath = 107;  // sockaddr_un

struct NextHop {
  enum class Kind : std::uint8_t { mx, host, lmtp };
  Kind kind = Kind::mx;
  std::string name;  // a domain name, "192.0.2.1", "2001:db8::1", or an absolute path (lmtp)
  std::uint16_t port = kSmtpPort;  // 0 with a path
  std::string login;               // at a host, as whom; empty: we do not log in

  bool is_socket() const { return name.starts_with('/'); }
  std::string str() const;
  // Takes what str() gives. Errors are permanent and say what is wrong.
  [[nodiscard]] static Result<NextHop> parse(std::string_view text);
  // An LMTP server as people name it where nothing else can be meant: "/run/dovecot/lmtp",
  // "host.test:24". Errors as parse().
  [[nodiscard]] static Result<NextHop> parse_lmtp(std::string_view server);
  std::string lmtp_server() const;  // what parse_lmtp() takes; of the kind lmtp only
  // A recipient's domain or address literal, without any route.
  static NextHop of(const Domain& domain);
  friend bool operator==(const NextHop&, const NextHop&) = default;
};

}  // namespace toast
