#include "mta/message/headers.h"

#include <algorithm>
#include <cstring>

#include "mta/message/ascii.h"

namespace toast {
namespace {

constexpr std::string_view kReceived = "received";
constexpr std::string_view kDelivered = "delivered";

bool is_space(char c) { return c == ' ' || c == '\t'; }

std::size_t line_end(std::string_view text, std::size_t from) {
  return std::min(text.find('\n', from), text.size());
}

// ftext of RFC 5322 section 3.6.8
bool is_field_name(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::optional<HeaderField> HeaderScanner::next() {
  if (ended_ || at_ >= message_.size()) return std::nullopt;
  ended_ = true;  // until this line has turned out to be a field
  if (message_[at_] == '\n') {
    ++at_;  // the empty line is no part of the body
    return std::nullopt;
  }
  std::size_t end = line_end(message_, at_);
  const std::string_view line = message_.substr(at_, end - at_);
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && is_space(name.back())) name.remove_suffix(1);  // obsolete, but read
  if (!is_field_name(name)) return std::nullopt;
  while (end + 1 < message_.size() && is_space(message_[end + 1]))
    end = line_end(message_, end + 1);
  const std::size_t body = at_ + colon + 1;
  HeaderField field{name, message_.substr(body, end - body)};
  at_ = std::min(end + 1, message_.size());
  ended_ = false;
  return field;
}

std::string unfold(std::string_view field_body) {
  std::string out;
  out.reserve(field_body.size());
  for (const char c : field_body)
    if (c != '\n') out.push_back(c);
  const std::size_t first = out.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  const std::size_t last = out.find_last_not_of(" \t");
  return out.substr(first, last - first + 1);
}

std::size_t count_fields(std::string_view message, std::string_view name) {
  std::size_t count = 0;
  HeaderScanner scanner(message);
  while (auto field = scanner.next())
    if (ascii::equal_fold(field->name, name)) ++count;
  return count;
}

void HopCounter::feed_line_start(char c) {
  const char lower = ascii::to_lower(c);
  if (matched_ == 0) first_ = lower;
  const std::string_view name = first_ == 'r' ? kReceived : kDelivered;
  if (lower != name[matched_]) {
    in_line_ = true;
  } else if (++matched_ == name.size()) {
    ++hops_;
    in_line_ = true;
  }
}

void HopCounter::feed(std::string_view bytes) {
  while (!done_ && !bytes.empty()) {
    if (in_line_) {
      const std::size_t end = bytes.find('\n');
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      in_line_ = false;
      matched_ = 0;
      continue;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    if (c == '\n') {
      done_ = matched_ == 0;
      matched_ = 0;
    } else {
      feed_line_start(c);
    }
  }
}

}  // namespace toast
