#include "vdomain/maildir/trace_fields.h"

#include <algorithm>

namespace toast::maildir {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

// Addresses hold no control bytes; this keeps it so whatever a later address type allows.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '_');
  return text;
}

}  // namespace

std::string trace_fields(const ReversePath& reverse_path, const Address& recipient) {
  return "Return-Path: <" + on_one_line(path_text(reverse_path)) +
         ">\nDelivered-To: " + on_one_line(recipient.str()) + "\n";
}

bool was_delivered_to(std::string_view message, const Address& recipient) {
  constexpr std::string_view kField = "delivered-to";
  const std::string address = recipient.str();
  while (!message.empty()) {
    const std::size_t end = message.find('\n');
    const std::string_view line = message.substr(0, end);
    if (line.empty() || line == "\r") return false;  // the header ends here
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos &&
        same_ignoring_case(trimmed(line.substr(0, colon)), kField) && line.front() != ' ' &&
        line.front() != '\t' && same_ignoring_case(trimmed(line.substr(colon + 1)), address))
      return true;
    if (end == std::string_view::npos) return false;
    message.remove_prefix(end + 1);
  }
  return false;
}

}  // namespace toast::maildir
