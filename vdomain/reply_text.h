// What an operator wrote for people to read: one line of printable ASCII, which fits an SMTP reply
// and a log field as it is. Every instance is valid: parse() is the only way in.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mta/message/ascii.h"

namespace toast::vdomain {

inline constexpr std::size_t kMaxReplyText = 200;  // fits an SMTP reply line with what is around it

class ReplyText {
 public:
  [[nodiscard]] static Result<ReplyText> parse(std::string_view text) {
    if (text.empty()) return permanent("the text is empty");
    if (text.size() > kMaxReplyText)
      return permanent("the text is longer than " + std::to_string(kMaxReplyText) + " bytes");
    if (!std::all_of(text.begin(), text.end(), ascii::is_printable))
      return permanent("the text goes into SMTP replies: one line of printable ASCII only");
    return ReplyText(std::string(text));
  }
  const std::string& str() const { return text_; }
  friend bool operator==(const ReplyText&, const ReplyText&) = default;

 private:
  explicit ReplyText(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace toast::vdomain
