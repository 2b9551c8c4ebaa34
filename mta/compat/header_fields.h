// Cuts what a user's program writes into a header and a body: LF line ends, CRLF read as LF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace toast::compat {

inline constexpr std::size_t kMaxHeader = std::size_t{4} * 1024 * 1024;  // of a message to inject

struct InjectedField {
  std::string name;  // lower case
  std::string text;  // whole, as written: "Subject: a\n b\n"
  std::string_view body() const { return std::string_view(text).substr(text.find(':') + 1); }
};

// CRLF becomes LF; a CR elsewhere stays. Blocks may end anywhere.
class LineEnds {
 public:
  std::string feed(std::string_view bytes);
  std::string finish();  // a CR that was the last byte

 private:
  bool held_ = false;  // a CR, until the next byte is known
};

class HeaderReader {
 public:
  // Takes LF text. True: the header is complete, and take_body() has what came behind it so far.
  bool feed(std::string_view text);
  void finish();  // the end of the message
  // More than kMaxHeader bytes without an end.
  bool is_too_long() const { return !done_ && bytes_ > kMaxHeader; }
  std::vector<InjectedField> take_fields() { return std::move(fields_); }
  std::string take_body() { return std::move(rest_); }

 private:
  bool take_line(std::string_view line);  // false: it is the body's, or the blank line between

  std::vector<InjectedField> fields_;
  std::string rest_;
  std::size_t bytes_ = 0;
  bool done_ = false;
};

}  // namespace toast::compat
