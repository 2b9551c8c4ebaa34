// Replies of a remote host (RFC 5321 section 4.2), from bytes. Trusts nothing: what makes no sense,
// or has no end, is an event that ends the connection. Does no I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace toast::remote {

// RFC 5321 section 4.5.3.1.5 says 512; what is longer is cut, not refused.
inline constexpr std::size_t kMaxReplyLineKept = 2048;
// All lines of one reply, cut or not. The longest real ones (EHLO, a policy's URL) are below 4 KiB.
inline constexpr std::size_t kMaxReplyBytes = 64 * 1024;

struct RemoteReply {
  int code = 0;      // 200 to 599
  std::string text;  // without the codes, "\n" between lines; printable ASCII, others are "?"

  bool is_positive() const { return code < 300; }
  bool is_intermediate() const { return code >= 300 && code < 400; }
  bool is_transient() const { return code >= 400 && code < 500; }
  bool is_permanent() const { return code >= 500; }
};

class ReplyReader {
 public:
  enum class Event : unsigned char {
    need_more,  // everything given has been taken
    reply,      // take() has it
    malformed,  // no reply code, or lines with different codes
    too_large,  // over kMaxReplyBytes
  };
  // Takes bytes from the front of `input` up to the next event. After the last two there is no way
  // to know where a next reply begins.
  Event next(std::string_view& input);
  RemoteReply take();
  bool is_between_replies() const { return size_ == 0; }

 private:
  Event finish_line();

  RemoteReply reply_;
  std::string line_;      // of the line being read, at most kMaxReplyLineKept
  std::size_t size_ = 0;  // of the reply so far
  bool complete_ = false;
};

}  // namespace toast::remote
