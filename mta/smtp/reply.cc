#include "mta/smtp/reply.h"

#include <algorithm>
#include <charconv>

#include "mta/message/ascii.h"

namespace toast::smtp {
namespace {

constexpr std::size_t kMaxReplyText = kMaxReplyLine - 6;  // "250-" and CRLF

void append_line(std::string& out, int code, char separator, std::string_view text) {
  char digits[3];
  std::to_chars(digits, digits + 3, code);
  out.append(digits, 3).push_back(separator);
  for (const char c : text.substr(0, kMaxReplyText))
    out.push_back(ascii::is_printable(c) ? c : '?');
  out.append("\r\n");
}

// "4.3.0 text": class, dot, subject, dot, detail (RFC 3463 section 2)
bool has_status(std::string_view text, char status_class) {
  return text.size() > 5 && text[0] == status_class && text[1] == '.' && ascii::is_digit(text[2]) &&
         text.substr(3, 3).find('.') != std::string_view::npos;
}

}  // namespace

void append_reply(std::string& out, const Reply& reply) {
  std::string_view rest = reply.text;
  while (true) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) break;
    append_line(out, reply.code, '-', rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  append_line(out, reply.code, ' ', rest);
}

Reply reply_for(const Error& error, int transient_code, int permanent_code) {
  const bool transient_failure = error.failure == Failure::transient;
  const int code = transient_failure ? transient_code : permanent_code;
  if (has_status(error.reply, transient_failure ? '4' : '5')) return {code, error.reply};
  return {code, transient_failure ? "4.3.0 try again later" : "5.3.0 refused"};
}

}  // namespace toast::smtp
