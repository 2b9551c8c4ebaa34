#include "mta/smtp/line_reader.h"

#include <algorithm>

namespace toast::smtp {

LineEvent LineReader::next(std::string_view& input) {
  if (partial_.ends_with('\n')) partial_.clear();  // the line returned last time
  if (dropping_) return drop(input);
  if (input.empty()) return LineEvent::need_more;
  const std::size_t newline = input.find('\n');
  if (newline == std::string_view::npos) return hold(input);
  const bool after_cr = newline > 0 ? input[newline - 1] == '\r' : partial_.ends_with('\r');
  const std::string_view piece = input.substr(0, newline + 1);
  input.remove_prefix(newline + 1);
  const bool too_long = partial_.size() + piece.size() > kMaxCommandLine;
  if (!after_cr) {  // what follows up to the real end belongs to the same bad line
    start_dropping(too_long ? LineEvent::too_long : LineEvent::need_more, false);
    return too_long ? drop(input) : LineEvent::bare_newline;
  }
  if (too_long) {
    partial_.clear();
    return LineEvent::too_long;
  }
  if (partial_.empty()) return finish(piece);
  partial_.append(piece);
  return finish(partial_);
}

void LineReader::start_dropping(LineEvent fault, bool after_cr) {
  partial_.clear();
  dropping_ = true;
  dropped_ends_cr_ = after_cr;
  fault_ = fault;
}

// `whole` ends in CRLF and holds no other LF.
LineEvent LineReader::finish(std::string_view whole) {
  const std::string_view text = whole.substr(0, whole.size() - 2);
  if (text.find('\r') != std::string_view::npos) {
    partial_.clear();
    return LineEvent::bare_newline;
  }
  if (text.find('\0') != std::string_view::npos) {
    partial_.clear();
    return LineEvent::bad_byte;
  }
  line_ = text;
  return LineEvent::line;
}

LineEvent LineReader::hold(std::string_view& input) {
  if (partial_.size() + input.size() < kMaxCommandLine) {
    partial_.append(input);
    input = {};
    return LineEvent::need_more;
  }
  start_dropping(LineEvent::too_long, input.ends_with('\r'));
  input = {};
  return LineEvent::need_more;
}

LineEvent LineReader::drop(std::string_view& input) {
  while (!input.empty()) {
    const std::size_t newline = input.find('\n');
    if (newline == std::string_view::npos) {
      dropped_ends_cr_ = input.ends_with('\r');
      input = {};
      break;
    }
    const bool ended = newline > 0 ? input[newline - 1] == '\r' : dropped_ends_cr_;
    input.remove_prefix(newline + 1);
    dropped_ends_cr_ = false;
    if (!ended) continue;
    dropping_ = false;
    if (fault_ != LineEvent::need_more) return fault_;
    return next(input);
  }
  return LineEvent::need_more;
}

}  // namespace toast::smtp
