// Undoes dot-stuffing (RFC 5321 section 4.5.2) and finds the end of the message.
// Only CRLF . CRLF ends it. A bare CR or LF is refused (or, by policy, made a line end that never
// ends the message): when two servers disagree on where a message ends, one message can carry
// another (SMTP smuggling). Past max_bytes and after a fault it still reads on to the real end, so
// the rest is never taken for commands. Content comes out with LF line ends, as it is stored.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace toast::smtp {

enum class BareNewline : unsigned char { refuse, normalise };

class DataReader {
 public:
  // max_bytes 0: no limit. Bytes count as SIZE counts them: with CRLF, without stuffed dots.
  DataReader(std::uint64_t max_bytes, BareNewline policy)
      : max_bytes_(max_bytes), policy_(policy) {}

  // Takes bytes from the front of `input` and appends content to `out`, at most as many bytes as it
  // takes plus two. Blocks may end anywhere. True: the message has ended, the rest of `input` is
  // not part of it.
  bool feed(std::string_view& input, std::string& out);

  bool too_large() const { return max_bytes_ != 0 && size_ > max_bytes_; }
  // A CR or LF stood alone and the policy is to refuse.
  bool bare_newline() const { return bare_ && policy_ == BareNewline::refuse; }
  std::uint64_t size() const { return size_; }  // as SIZE counts

 private:
  enum class State : unsigned char {
    line_start,  // behind a CRLF, or at the very beginning
    dot,         // the first byte of a line was a dot; it is not content
    dot_cr,      // dot and CR: the end, if LF follows
    in_line,
    cr,  // a CR that a LF may follow
  };
  void put(std::string_view content, std::string& out);
  void end_line(std::string& out);
  void bare_newline_byte(std::string& out);
  void take_text(std::string_view& input, std::string& out);
  // Nothing more is kept: the message will be refused at its end.
  bool spoiled() const { return bare_newline() || too_large(); }

  std::uint64_t max_bytes_;
  BareNewline policy_;
  std::uint64_t size_ = 0;
  bool bare_ = false;
  State state_ = State::line_start;
};

}  // namespace toast::smtp
