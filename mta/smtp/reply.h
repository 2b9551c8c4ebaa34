// One SMTP reply (RFC 5321 section 4.2): a code and text, on one line or several.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace toast::smtp {

inline constexpr std::size_t kMaxReplyLine = 512;  // RFC 5321 section 4.5.3.1.5, with CRLF

struct Reply {
  int code = 0;
  std::string text;  // begins with the enhanced status; "\n" between the lines of a long reply

  bool is_error() const { return code >= 400; }
  bool is_permanent() const { return code >= 500; }
};

// What a parser returns for a command that it does not take.
inline tl::unexpected<Reply> refuse(int code, std::string text) {
  return tl::unexpected(Reply{code, std::move(text)});
}

// Appends the reply as it goes over the wire. Each line carries the code. Bytes that are not
// printable ASCII become "?", longer lines are cut: text may come from elsewhere (RFC 5321, 4.2).
void append_reply(std::string& out, const Reply& reply);

// The reply for an error: its own text when that begins with a fitting enhanced status, which also
// decides between 4yz and 5yz. `transient_code` and `permanent_code` are used as they fit.
Reply reply_for(const Error& error, int transient_code, int permanent_code);

}  // namespace toast::smtp
