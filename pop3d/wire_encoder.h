// Stored message bytes to the bytes of a POP3 multi-line reply (RFC 1939 section 3): every line
// ends in CRLF, a line that begins with a dot gets one more, and ".CRLF" ends the reply. Messages
// are stored with LF; mail that other programs put into the Maildir may hold CRLF, bare CR or no
// final newline. A CR that already stands before its LF is kept; a message without a final newline
// gets CRLF. Pure: no file, no socket. Memory: none of its own, the caller drains `out`.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace toast::pop3 {

class WireEncoder {
 public:
  static constexpr std::uint64_t kWholeMessage = std::numeric_limits<std::uint64_t>::max();

  // `body_lines`: how many lines after the blank line that ends the header (TOP, section 7).
  explicit WireEncoder(std::uint64_t body_lines = kWholeMessage) : lines_left_(body_lines) {}

  // Appends the wire form of the next piece of the message. `out` grows to at most twice the piece
  // (a message of newlines only, or of dots alone on their lines: three bytes for two).
  // False once TOP has all it asked for: the rest need not be read.
  bool feed(std::string_view stored, std::string& out);
  // Ends the last line if it has no end, and the reply.
  void finish(std::string& out);

 private:
  bool end_of_line();

  std::uint64_t lines_left_;
  bool at_line_start_ = true;
  bool last_was_cr_ = false;   // the byte before the next piece
  bool line_is_blank_ = true;  // the line so far is empty, or one CR
  bool in_header_ = true;
  bool done_ = false;
};

// Octets of the message on the wire, before byte stuffing and without the final dot: what STAT and
// LIST must say (RFC 1939 section 11). Feed it piece by piece, then take total().
class WireSize {
 public:
  void feed(std::string_view stored);
  std::uint64_t total() const { return octets_ + (at_line_start_ ? 0 : 2); }

 private:
  std::uint64_t octets_ = 0;
  bool at_line_start_ = true;
  bool last_was_cr_ = false;
};

}  // namespace toast::pop3
