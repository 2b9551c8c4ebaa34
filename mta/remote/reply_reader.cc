#include "mta/remote/reply_reader.h"

#include <algorithm>
#include <utility>

#include "mta/message/ascii.h"

namespace toast::remote {
namespace {

// "250 text", "250-text", "250"; 0 for anything else. 1yz replies do not exist in SMTP (RFC 5321
// section 4.2.1).
int code_of(std::string_view line) {
  if (line.size() < 3 || line[0] < '2' || line[0] > '5') return 0;
  if (!ascii::is_digit(line[1]) || !ascii::is_digit(line[2])) return 0;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

}  // namespace

ReplyReader::Event ReplyReader::next(std::string_view& input) {
  if (std::exchange(complete_, false)) {
    reply_ = {};
    size_ = 0;
  }
  while (!input.empty()) {
    const std::size_t newline = input.find('\n');
    const std::size_t taken = newline == std::string_view::npos ? input.size() : newline + 1;
    const std::string_view piece = input.substr(0, taken);
    input.remove_prefix(taken);
    size_ += taken;
    if (size_ > kMaxReplyBytes) return Event::too_large;
    line_.append(piece.substr(0, kMaxReplyLineKept - std::min(line_.size(), kMaxReplyLineKept)));
    if (newline == std::string_view::npos) break;
    const Event event = finish_line();
    if (event != Event::need_more) return event;
  }
  return Event::need_more;
}

// A bare LF ends a line as well: nothing can be smuggled to us by a host that says what it likes.
ReplyReader::Event ReplyReader::finish_line() {
  std::string_view line = line_;
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  const int code = code_of(line);
  if (code == 0 || (reply_.code != 0 && code != reply_.code)) return Event::malformed;
  if (reply_.code != 0) reply_.text.push_back('\n');
  reply_.code = code;
  complete_ = line.size() <= 3 || line[3] == ' ';
  for (const char c : line.substr(std::min<std::size_t>(line.size(), 4)))
    reply_.text.push_back(ascii::is_printable(c) ? c : '?');
  line_.clear();
  return complete_ ? Event::reply : Event::need_more;
}

RemoteReply ReplyReader::take() {
  complete_ = false;
  size_ = 0;
  return std::exchange(reply_, {});
}

}  // namespace toast::remote
