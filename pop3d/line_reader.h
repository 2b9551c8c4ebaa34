// Cuts the bytes of a POP3 client into command lines. Pure: no socket, no clock.
// What it trusts: nothing. It holds at most one line and what was read after it; a line that grows
// past the limit is not kept but skipped to its end, and reported once as too long.
// A line ends in CRLF; a bare LF is taken too, because people type at servers with tools that send
// one, and POP3 carries nothing inward that another server could read differently.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "auth/sasl_messages.h"
#include "auth/service.h"
#include "base/base64.h"

namespace toast::pop3 {

// RFC 2449 section 4: a command, its arguments and the CRLF.
inline constexpr std::size_t kMaxCommandLine = 255;
// PASS alone may be longer: whoever may have a password may log in with it.
inline constexpr std::size_t kMaxPassLine =
    std::string_view("PASS \r\n").size() + auth::kMaxPassword;

// A SASL response (RFC 5034 section 4 sets no limit): the longest that authd takes, in base64.
inline constexpr std::size_t kMaxResponseLine = base64_size(auth::kMaxSaslMessage) + 2;

struct Line {
  bool too_long = false;
  std::string text;  // without its line end; empty when too long
};

class LineReader {
 public:
  LineReader() = default;
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  // Takes bytes as they came. Call next() until it is empty before feeding more: what waits here is
  // then at most one unfinished line.
  void feed(std::string_view bytes);
  // The next whole line, if there is one.
  [[nodiscard]] std::optional<Line> next();
  // Whether next() would return a line: the replies of a pipelined batch leave together (RFC 2449
  // section 6.6).
  [[nodiscard]] bool has_line() const;
  // The next line, and only that, is a SASL response.
  void expect_response() { response_next_ = true; }
  // Something was fed that next() has not returned yet.
  bool has_input() const { return start_ < waiting_.size(); }
  // Forgets everything that was not consumed.
  void clear();
  // Bytes of heap held now; an idle session holds none.
  std::size_t held_bytes() const { return waiting_.capacity(); }

 private:
  void release();

  std::string waiting_;
  std::size_t start_ = 0;  // consumed up to here
  bool response_next_ = false;
  bool skipping_ = false;  // inside a line that is too long
};

}  // namespace toast::pop3
