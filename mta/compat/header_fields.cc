#include "mta/compat/header_fields.h"

#include <algorithm>

#include "mta/message/ascii.h"

namespace toast::compat {
namespace {

// Bytes below 33 and above 126 are in no name (qmail).
bool is_name(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::string LineEnds::feed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 1);
  for (const char c : bytes) {
    if (held_ && c != '\n') out.push_back('\r');
    held_ = c == '\r';
    if (!held_) out.push_back(c);
  }
  return out;
}

std::string LineEnds::finish() {
  const bool held = held_;
  held_ = false;
  return held ? "\r" : "";
}

bool HeaderReader::take_line(std::string_view line) {
  const bool folded = line.front() == ' ' || line.front() == '\t';
  if (folded && !fields_.empty()) {
    fields_.back().text += line;
    return true;
  }
  if (fields_.empty() && line.starts_with("From ")) {  // of an mbox
    fields_.push_back({"mbox-line", "MBOX-Line: " + std::string(line)});
    return true;
  }
  const std::size_t colon = std::min(line.find(':'), line.size());
  std::string_view name = line.substr(0, colon);
  while (name.ends_with(' ') || name.ends_with('\t')) name.remove_suffix(1);
  if (colon == line.size() || !is_name(name)) return false;
  fields_.push_back({ascii::lower(name), std::string(line)});
  return true;
}

bool HeaderReader::feed(std::string_view text) {
  rest_ += text;
  bytes_ += text.size();
  std::size_t at = 0;
  while (!done_) {
    const std::size_t end = rest_.find('\n', at);
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(rest_).substr(at, end + 1 - at);
    done_ = !take_line(line);
    if (!done_ || line == "\n") at = end + 1;
  }
  rest_.erase(0, at);
  return done_;
}

void HeaderReader::finish() {
  if (done_ || rest_.empty()) {
    done_ = true;
    return;
  }
  rest_ += '\n';  // the last line has no end
  feed({});
  done_ = true;
}

}  // namespace toast::compat
