#include "pop3d/line_reader.h"

#include <string.h>  // explicit_bzero

#include <algorithm>

namespace toast::pop3 {
namespace {

// What a line that begins so may take, with its end.
std::size_t longest(std::string_view line) {
  constexpr std::string_view kPass = "PASS ";
  const auto same = [](char a, char b) { return (a >= 'a' && a <= 'z' ? a - 'a' + 'A' : a) == b; };
  const bool is_pass = line.size() >= kPass.size() &&
                       std::equal(kPass.begin(), kPass.end(), line.begin(),
                                  [&](char letter, char c) { return same(c, letter); });
  return is_pass ? kMaxPassLine : kMaxCommandLine;
}

}  // namespace

LineReader::~LineReader() { clear(); }

void LineReader::clear() {
  skipping_ = false;
  response_next_ = false;
  release();
}

// Passwords pass through here: the bytes are wiped, not only freed.
void LineReader::release() {
  explicit_bzero(waiting_.data(), waiting_.size());
  std::string().swap(waiting_);  // assigning an empty string would keep the memory
  start_ = 0;
}

void LineReader::feed(std::string_view bytes) {
  if (skipping_ && start_ == waiting_.size()) {
    const std::size_t end = bytes.find('\n');
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end);  // the LF stays: it ends the line that next() reports
  }
  std::string joined;
  joined.reserve(waiting_.size() - start_ + bytes.size());
  joined.append(waiting_, start_).append(bytes);
  release();
  waiting_ = std::move(joined);
}

bool LineReader::has_line() const { return waiting_.find('\n', start_) != std::string::npos; }

std::optional<Line> LineReader::next() {
  const std::size_t end = waiting_.find('\n', start_);
  const std::size_t limit =
      response_next_ ? kMaxResponseLine : longest(std::string_view(waiting_).substr(start_));
  if (end == std::string::npos) {
    if (waiting_.size() - start_ > limit - 1) {  // no LF can come in time any more
      skipping_ = true;
      release();
    } else if (start_ > 0) {  // keep the unfinished line alone, not the batch that it came with
      std::string unfinished(waiting_, start_);
      release();
      waiting_ = std::move(unfinished);
    }
    return std::nullopt;
  }
  Line line;
  const std::size_t length = end + 1 - start_;
  line.too_long = skipping_ || length > limit;
  skipping_ = false;
  response_next_ = false;
  if (!line.too_long) {
    line.text = waiting_.substr(start_, length - 1);
    if (line.text.ends_with('\r')) line.text.pop_back();
  }
  start_ = end + 1;
  if (start_ == waiting_.size()) release();
  return line;
}

}  // namespace toast::pop3
