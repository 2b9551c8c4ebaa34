#include "pop3d/wire_encoder.h"

#include <cstring>

namespace toast::pop3 {
namespace {

std::size_t find_newline(std::string_view text) {
  const void* found = std::memchr(text.data(), '\n', text.size());
  if (found == nullptr) return std::string_view::npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

}  // namespace

// Bookkeeping of TOP at a line's end. False when the line was the last one wanted.
bool WireEncoder::end_of_line() {
  if (in_header_) {
    if (!line_is_blank_) return true;
    in_header_ = false;
    return lines_left_ > 0;
  }
  return --lines_left_ > 0;
}

bool WireEncoder::feed(std::string_view stored, std::string& out) {
  while (!stored.empty() && !done_) {
    if (at_line_start_ && stored.front() == '.') out.push_back('.');
    const std::size_t newline = find_newline(stored);
    const std::string_view text = stored.substr(0, newline);
    out.append(text);
    if (!text.empty()) {
      line_is_blank_ = at_line_start_ && text == "\r";
      at_line_start_ = false;
      last_was_cr_ = text.back() == '\r';
    }
    if (newline == std::string_view::npos) return true;
    if (last_was_cr_) {
      out.push_back('\n');
    } else {
      out.append("\r\n");
    }
    done_ = !end_of_line();
    at_line_start_ = true;
    last_was_cr_ = false;
    line_is_blank_ = true;
    stored.remove_prefix(newline + 1);
  }
  return !done_;
}

void WireEncoder::finish(std::string& out) {
  if (!at_line_start_) out.append("\r\n");
  out.append(".\r\n");
}

void WireSize::feed(std::string_view stored) {
  octets_ += stored.size();
  while (!stored.empty()) {
    const std::size_t newline = find_newline(stored);
    if (newline == std::string_view::npos) {
      at_line_start_ = false;
      last_was_cr_ = stored.back() == '\r';
      return;
    }
    const bool has_cr = newline == 0 ? last_was_cr_ : stored[newline - 1] == '\r';
    if (!has_cr) ++octets_;
    at_line_start_ = true;
    last_was_cr_ = false;
    stored.remove_prefix(newline + 1);
  }
}

}  // namespace toast::pop3
