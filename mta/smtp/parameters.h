// ESMTP parameters of MAIL and RCPT (RFC 5321 section 4.1.2): SIZE (RFC 1870), BODY (RFC 6152), and
// RET, ENVID, NOTIFY, ORCPT (RFC 3461), AUTH (RFC 4954).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "mta/smtp/dsn.h"
#include "mta/smtp/reply.h"

namespace toast::smtp {

enum class BodyType : unsigned char { seven_bit, eight_bit_mime };

struct MailParameters {
  std::optional<std::uint64_t> size;  // octets, as the client estimates them
  std::optional<BodyType> body;
  DsnReturn ret = DsnReturn::unset;
  std::string envid;                // decoded; empty: none
  std::optional<std::string> auth;  // decoded, "" for "<>"
};

struct RcptParameters {
  std::uint8_t notify = 0;  // kNotify... of dsn.h
  std::string orcpt;        // as the client wrote it; empty: none
};

// `text` is what follows the path: empty, or words that each have a space in front. Unknown
// keywords are refused with 555 and never ignored: the client counts on what it asks for. Twice the
// same, or a bad value: 501.
tl::expected<MailParameters, Reply> parse_mail_parameters(std::string_view text);
tl::expected<RcptParameters, Reply> parse_rcpt_parameters(std::string_view text);

}  // namespace toast::smtp
