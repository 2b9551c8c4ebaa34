// What becomes of the header of a message that one of our own users hands in (RFC 6409 section 8):
// what every message must have is added, what nobody else may see is removed, the rest stays as it
// was written. Mail that comes from other hosts is never touched.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/clock.h"
#include "mta/message/address.h"
#include "mta/smtp/reply.h"

namespace toast::smtpd {

// A header is kept until it is whole: longer ones are refused.
inline constexpr std::size_t kMaxSubmittedHeader = 256UL * 1024;
inline constexpr std::size_t kMaxAuthors = 20;

struct SubmittedHeader {
  std::string text;           // what goes on, with the empty line if there was one
  std::vector<Address> from;  // the authors, at least one
};

struct HeaderAdditions {
  WallTime now;
  std::string_view id;    // the queue id
  std::string_view host;  // ours
};

// `header` ends where the body begins; LF line ends. Adds Date and Message-ID, removes Bcc and
// Resent-Bcc. A reply: 550 5.6.0, there is not one From with addresses that can be read.
[[nodiscard]] tl::expected<SubmittedHeader, smtp::Reply> complete_header(
    std::string_view header, const HeaderAdditions& additions);

// Where the body begins in what has come so far. npos: later; the header has not ended.
// `searched`: how much of it was there the last time; `is_all`: nothing more will come.
[[nodiscard]] std::size_t find_body(std::string_view text, std::size_t searched, bool is_all);

}  // namespace toast::smtpd
