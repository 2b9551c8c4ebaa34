// Cuts what a client sends into command lines. Only CRLF ends a line (RFC 5321 section 2.3.8): two
// servers that disagree about line ends can be made to disagree about commands. A line with a bare
// CR or LF, with a NUL, or too long is never split: it is dropped up to its CRLF and answered once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace toast::smtp {

// RFC 5321 section 4.5.3.1.4 with CRLF, and what the extensions that we offer add to MAIL: SIZE 26
// (RFC 1870 section 3), BODY 17 (RFC 6152 section 2), RET 9, ENVID 307 (RFC 3461 sections 4.3 and
// 4.4), AUTH 500 (RFC 4954 section 3). To RCPT they add less: NOTIFY 29, ORCPT 507.
inline constexpr std::size_t kMaxCommandLine = 512 + 26 + 17 + 9 + 307 + 500;
// AUTH with its initial response, and each response after it (RFC 4954 section 4).
inline constexpr std::size_t kMaxAuthLine = 12288;

enum class LineEvent : unsigned char {
  need_more,      // everything given has been taken
  line,           // line() is a command, without CRLF
  too_long,       // 500
  auth_too_long,  // 500 5.5.6: what should have been a SASL response
  bare_newline,   // 500; said at the LF, so that a person at a terminal is not left waiting
  bad_byte,       // 500: NUL
};

class LineReader {
 public:
  // Takes bytes from the front of `input` up to the next event.
  LineEvent next(std::string_view& input);
  // Valid until the next call of next(), and while the input it came from is.
  std::string_view line() const { return line_; }
  // Whether AUTH may have kMaxAuthLine, as it may at first: where nobody can log in there is no
  // reason to take so much.
  void allow_auth(bool allowed) { auth_allowed_ = allowed; }
  // The next line is the answer to a SASL challenge, as long as one may be.
  void expect_response(bool expected) { response_expected_ = expected; }
  // Wipes the line, which may hold a password. To be called before the next next().
  void forget_line();

 private:
  bool is_auth(std::string_view more) const;
  LineEvent over_limit(std::string_view more, std::size_t to_come) const;
  LineEvent drop(std::string_view& input);
  LineEvent finish(std::string_view whole);
  LineEvent hold(std::string_view& input);
  void start_dropping(LineEvent fault, bool after_cr);

  std::string partial_;  // the beginning of a line, or empty
  std::string_view line_;
  bool auth_allowed_ = true;
  bool response_expected_ = false;
  bool dropping_ = false;                   // up to the next CRLF
  bool dropped_ends_cr_ = false;            // the last byte dropped was CR
  LineEvent fault_ = LineEvent::need_more;  // to be said at the CRLF; need_more: said already
};

}  // namespace toast::smtp
