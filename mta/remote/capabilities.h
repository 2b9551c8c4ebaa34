// What a host offers in its reply to EHLO or LHLO (RFC 5321 section 4.1.1.1). Unknown keywords and
// parameters that make no sense are skipped: the extension then counts as not offered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace toast::remote {

struct Capabilities {
  bool pipelining = false;         // RFC 2920
  bool eight_bit_mime = false;     // RFC 6152
  bool chunking = false;           // RFC 3030
  bool dsn = false;                // RFC 3461
  bool smtputf8 = false;           // RFC 6531
  bool enhanced_status = false;    // RFC 2034
  bool starttls = false;           // RFC 3207
  bool auth_plain = false;         // AUTH, RFC 4954, with RFC 4616
  bool auth_login = false;         // what old servers have instead, draft-murchison-sasl-login
  bool size = false;               // RFC 1870: the parameter is understood
  std::uint64_t max_size = 0;      // 0: no fixed limit
  std::size_t max_mails = 0;       // LIMITS MAILMAX, RFC 9422; 0: not said
  std::size_t max_recipients = 0;  // LIMITS RCPTMAX; 0: not said

  // The text of the whole reply, its first line (the host's name) included.
  static Capabilities parse(std::string_view reply_text);
  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

}  // namespace toast::remote
