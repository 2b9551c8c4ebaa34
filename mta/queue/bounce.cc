#include "mta/queue/bounce.h"

#include <algorithm>
#include <cctype>

#include "mta/message/date.h"
#include "mta/message/headers.h"

namespace toast::queue {
namespace {

bool is_eight_bit(std::string_view text) {
  return std::ranges::any_of(text,
                             [](char c) { return (static_cast<unsigned char>(c) & 0x80) != 0; });
}

// "2.1.3" at the start: its length, or 0.
std::size_t status_length(std::string_view text) {
  std::size_t at = 0;
  for (int part = 0; part < 3; ++part) {
    const std::size_t start = at;
    while (at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0) ++at;
    if (at == start || at - start > (part == 0 ? 1 : 3)) return 0;
    if (part == 2) break;
    if (at >= text.size() || text[at] != '.') return 0;
    ++at;
  }
  if (text[0] != '2' && text[0] != '4' && text[0] != '5') return 0;
  return at;
}

// One line for a header field: what could begin a new one is gone, and with its name it stays
// within 998 bytes (RFC 5322 section 2.1.1).
std::string one_line(std::string_view text) {
  constexpr std::size_t kMostOfALine = 900;
  std::string line;
  for (const char c : text.substr(0, kMostOfALine))
    line += (c == '\n' || c == '\r' || c == '\0') ? ' ' : c;
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// As qmail: a newline in an address would end the paragraph's first line.
std::string shown_address(std::string_view address) {
  std::string shown(address);
  std::ranges::replace(shown, '\n', '_');
  return shown;
}

// As qmail: no empty line inside a report, since that would end the paragraph.
std::string shown_report(std::string_view text) {
  std::string code;
  if (const std::size_t length = status_length(text); length != 0) {
    code = " (#" + status_of(text) + ")";
    text.remove_prefix(length);
    while (text.starts_with(' ')) text.remove_prefix(1);
  }
  std::string shown;
  for (const char c : text) {
    if (c == '\r' || c == '\0') continue;
    shown += c == '\n' && (shown.empty() || shown.back() == '\n') ? '/' : c;
  }
  while (!shown.empty() && shown.back() == '\n') shown.pop_back();
  return shown + code;
}

std::string_view header_of(std::string_view message) {
  HeaderScanner scanner(message);
  while (scanner.next()) {
  }
  return message.substr(0, scanner.body_offset());
}

struct Quoted {
  std::string text;
  bool whole = true;
};

Quoted quote(const Bounce& bounce) {
  std::string path = "Return-Path: <" + one_line(bounce.original_sender) + ">\n";
  const bool fits = bounce.original.size() == bounce.original_bytes &&
                    (bounce.max_quoted == 0 || bounce.original_bytes <= bounce.max_quoted);
  if (fits) return {path + std::string(bounce.original), true};
  std::uint64_t most = kMaxQuotedHeader;
  if (bounce.max_quoted != 0) most = std::min(most, bounce.max_quoted);
  std::string_view header = header_of(bounce.original);
  if (header.size() > most) {
    header = header.substr(0, most);
    header = header.substr(0, header.rfind('\n') + 1);  // whole lines
  }
  return {path + std::string(header), false};
}

// Nothing that is quoted may end the report early (RFC 2046 section 5.1.1).
std::string boundary_for(const Bounce& bounce, std::string_view quoted) {
  std::string boundary = "=_" + bounce.id.str();
  while (quoted.find(boundary) != std::string_view::npos) boundary += "_";
  return boundary;
}

std::string notice(const Bounce& bounce, bool whole) {
  std::string text = "Hi. This is the toast-queued program at " + bounce.host + ".\n";
  if (bounce.is_double) {
    text += "I tried to deliver a bounce message to this address, but the bounce bounced!\n";
  } else {
    text +=
        "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        "This is a permanent error; I've given up. Sorry it didn't work out.\n";
  }
  for (const FailedRecipient& failed : bounce.failed)
    text += "\n<" + shown_address(failed.address) + ">:\n" + shown_report(failed.text) + "\n";
  text += "\n--- Below this line ";
  if (!whole)
    text += "is the header of the message, which had " + std::to_string(bounce.original_bytes) +
            " bytes.\n";
  else if (bounce.is_double)
    text += "is the original bounce.\n";
  else
    text += "is a copy of the message.\n";
  return text;
}

// RFC 3464 sections 2.2 and 2.3.
std::string delivery_status(const Bounce& bounce) {
  std::string text;
  if (!bounce.envid.empty()) text += "Original-Envelope-Id: " + one_line(bounce.envid) + "\n";
  text += "Reporting-MTA: dns; " + bounce.host + "\n";
  text += "Arrival-Date: " + format_date(bounce.original_arrival) + "\n";
  for (const FailedRecipient& failed : bounce.failed) {
    text += "\n";
    if (!failed.orcpt.empty()) text += "Original-Recipient: " + one_line(failed.orcpt) + "\n";
    text += "Final-Recipient: rfc822; " + one_line(failed.address) + "\n";
    text += "Action: failed\n";
    text += "Status: " + status_of(failed.text) + "\n";
    text += "Diagnostic-Code: x-toastmaster; " + one_line(failed.text) + "\n";
  }
  return text;
}

std::string encoding_field(bool eight_bit) {
  return eight_bit ? "Content-Transfer-Encoding: 8bit\n" : "";
}

}  // namespace

std::string status_of(std::string_view text) {
  std::size_t at = 0;
  std::size_t length = status_length(text);
  if (length == 0) {
    const std::size_t mark = text.find("(#");
    if (mark == std::string_view::npos) return "5.0.0";
    at = mark + 2;
    length = status_length(text.substr(at));
    if (length == 0) return "5.0.0";
  }
  std::string status(text.substr(at, length));
  status[0] = '5';
  return status;
}

BounceRoute bounce_route(std::string_view original_sender, std::string_view double_bounce_to) {
  if (original_sender == kDoubleBounceSender) return {};
  if (original_sender.empty())
    return {std::string(double_bounce_to), std::string(kDoubleBounceSender), true};
  std::string_view to = original_sender;
  if (to.ends_with(kVerpMark)) to.remove_suffix(kVerpMark.size());
  return {std::string(to), "", false};
}

BounceText bounce_text(const Bounce& bounce) {
  const Quoted quoted = quote(bounce);
  const std::string first = notice(bounce, quoted.whole);
  const std::string status = delivery_status(bounce);
  const bool first_is_eight_bit = is_eight_bit(first) || is_eight_bit(status);
  const bool quoted_is_eight_bit = is_eight_bit(quoted.text);
  const bool eight_bit = first_is_eight_bit || quoted_is_eight_bit;
  const std::string boundary = boundary_for(bounce, quoted.text);

  std::string out = "Date: " + format_date(bounce.now) + "\n";
  out += "From: " + bounce.from + "@" + bounce.host + "\n";
  out += "To: " + one_line(bounce.to) + "\n";
  out += "Subject: failure notice\n";
  out += "Message-ID: <" + bounce.id.str() + "@" + bounce.host + ">\n";
  out += "Auto-Submitted: auto-replied\n";  // RFC 3834 section 5
  out += "MIME-Version: 1.0\n";
  out += "Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"" + boundary +
         "\"\n";
  out += encoding_field(eight_bit) + "\n";
  out += "--" + boundary + "\n";
  out += std::string("Content-Type: text/plain; charset=") +
         (first_is_eight_bit ? "utf-8" : "us-ascii") + "\n";
  out += encoding_field(first_is_eight_bit) + "\n" + first;
  out += "\n--" + boundary + "\nContent-Type: message/delivery-status\n";
  out += encoding_field(first_is_eight_bit) + "\n" + status;
  out += "\n--" + boundary + "\n";
  out += std::string("Content-Type: ") + (quoted.whole ? "message/rfc822" : "text/rfc822-headers") +
         "\n";
  out += encoding_field(quoted_is_eight_bit) + "\n" + quoted.text;
  out += "\n--" + boundary + "--\n";
  return {std::move(out), eight_bit};
}

}  // namespace toast::queue
