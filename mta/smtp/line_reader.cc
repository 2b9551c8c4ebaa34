#include "mta/smtp/line_reader.h"

#include <algorithm>

#include "base/secret.h"
#include "mta/message/ascii.h"

namespace toast::smtp {

// Does the line that begins with `partial_` and goes on with `more` carry a SASL response?
bool LineReader::is_auth(std::string_view more) const {
  constexpr std::string_view kVerb = "AUTH ";
  if (response_expected_) return true;
  if (!auth_allowed_) return false;
  for (std::size_t i = 0; i < kVerb.size(); ++i) {
    const std::size_t in_more = i - std::min(i, partial_.size());
    if (i >= partial_.size() && in_more >= more.size()) return false;
    const char c = i < partial_.size() ? partial_[i] : more[in_more];
    if (ascii::to_lower(c) != ascii::to_lower(kVerb[i])) return false;
  }
  return true;
}

void LineReader::forget_line() {
  wipe(partial_);
  line_ = {};
}

LineEvent LineReader::next(std::string_view& input) {
  if (partial_.ends_with('\n')) partial_.clear();  // the line returned last time
  if (dropping_) return drop(input);
  if (input.empty()) return LineEvent::need_more;
  const std::size_t newline = input.find('\n');
  if (newline == std::string_view::npos) return hold(input);
  const bool after_cr = newline > 0 ? input[newline - 1] == '\r' : partial_.ends_with('\r');
  const std::string_view piece = input.substr(0, newline + 1);
  input.remove_prefix(newline + 1);
  const LineEvent over = over_limit(piece, 0);
  const bool too_long = over != LineEvent::need_more;
  if (!after_cr) {  // what follows up to the real end belongs to the same bad line
    start_dropping(over, false);
    return too_long ? drop(input) : LineEvent::bare_newline;
  }
  if (too_long) {
    wipe(partial_);
    return over;
  }
  if (partial_.empty()) return finish(piece);
  reserve_wiping(partial_, partial_.size() + piece.size());
  partial_.append(piece);
  return finish(partial_);
}

// need_more: it is within its limit.
LineEvent LineReader::over_limit(std::string_view more, std::size_t to_come) const {
  const std::size_t size = partial_.size() + more.size() + to_come;
  const bool auth = size > kMaxCommandLine && is_auth(more);
  const std::size_t limit = auth ? kMaxAuthLine : kMaxCommandLine;
  if (size <= limit) return LineEvent::need_more;
  return auth ? LineEvent::auth_too_long : LineEvent::too_long;
}

void LineReader::start_dropping(LineEvent fault, bool after_cr) {
  wipe(partial_);
  dropping_ = true;
  dropped_ends_cr_ = after_cr;
  fault_ = fault;
}

// `whole` ends in CRLF and holds no other LF.
LineEvent LineReader::finish(std::string_view whole) {
  const std::string_view text = whole.substr(0, whole.size() - 2);
  if (text.find('\r') != std::string_view::npos) {
    wipe(partial_);
    return LineEvent::bare_newline;
  }
  if (text.find('\0') != std::string_view::npos) {
    wipe(partial_);
    return LineEvent::bad_byte;
  }
  line_ = text;
  return LineEvent::line;
}

LineEvent LineReader::hold(std::string_view& input) {
  // Its line end needs one byte more at least.
  const LineEvent over = over_limit(input, 1);
  if (over == LineEvent::need_more) {
    reserve_wiping(partial_, partial_.size() + input.size());
    partial_.append(input);
    input = {};
    return LineEvent::need_more;
  }
  start_dropping(over, input.ends_with('\r'));
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
