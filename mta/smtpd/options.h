// What the SMTP server is told, as plain values; main fills it from the settings. Defaults are
// those of the registry.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "auth/sasl/names.h"
#include "base/ip_address.h"
#include "base/tls/server.h"
#include "mta/smtp/data_reader.h"

namespace toast::smtpd {

// What a client has connected to: mail for us (RFC 5321), or from our own users (RFC 6409), there
// with TLS after STARTTLS or from the first byte (RFC 8314).
enum class Port : unsigned char { smtp, submission, submissions };

// What is done about a sender that is not its login's.
enum class SenderMode : unsigned char { off, warn, enforce };

struct Options {
  std::string host;                              // our name, for Received and for <postmaster>
  std::string greeting;                          // after 220 and 250; its first word is our name
  std::uint64_t max_message_bytes = 50U << 20U;  // as SIZE counts; 0: no limit
  std::chrono::seconds command_timeout{300};     // RFC 5321 section 4.5.3.2.7
  std::chrono::seconds session_timeout{7200};
  std::size_t max_recipients = 1000;  // RFC 5321 section 4.5.3.1.8: at least 100
  std::size_t max_errors = 20;
  std::size_t max_noops = 100;
  std::size_t max_messages = 1000;
  std::size_t max_hops = 100;  // RFC 5321 section 6.3
  smtp::BareNewline bare_newline = smtp::BareNewline::refuse;
  tls::Floor tls_floor = tls::Floor::tls12;
  tls::Floor submission_tls_floor = tls::Floor::tls12;
  auth::sasl::Offer sasl;     // beside PLAIN and LOGIN
  bool auth_on_smtp = false;  // on Port::smtp as well, under TLS
  std::size_t max_auth_failures = 3;
  SenderMode envelope_check = SenderMode::warn;
  SenderMode from_check = SenderMode::warn;
  bool hide_client = false;  // of who has logged in, in Received
  std::vector<Network> relay_networks;
  std::vector<Network> proxy_networks;  // balancers: each connection of theirs has a PROXY header
  // Per process: the instance's limits divided by the number of SMTP servers.
  std::size_t max_connections = 2000;
  std::size_t max_per_address = 100;
};

}  // namespace toast::smtpd
