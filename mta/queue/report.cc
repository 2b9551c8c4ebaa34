#include "mta/queue/report.h"

#include <algorithm>
#include <cctype>

#include "mta/message/date.h"
#include "mta/message/headers.h"
#include "mta/smtp/dsn.h"

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
std::string shown_report(std::string_view text, Action action) {
  std::string code;
  if (const std::size_t length = status_length(text); length != 0) {
    code = " (#" + status_of(text, action) + ")";
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

Quoted quote(const Report& report) {
  std::string path = "Return-Path: <" + one_line(report.original_sender) + ">\n";
  const bool fits = !report.header_only && report.original.size() == report.original_bytes &&
                    (report.max_quoted == 0 || report.original_bytes <= report.max_quoted);
  if (fits) return {path + std::string(report.original), true};
  std::uint64_t most = kMaxQuotedHeader;
  if (report.max_quoted != 0) most = std::min(most, report.max_quoted);
  std::string_view header = header_of(report.original);
  if (header.size() > most) {
    header = header.substr(0, most);
    header = header.substr(0, header.rfind('\n') + 1);  // whole lines
  }
  return {path + std::string(header), false};
}

// Nothing that is quoted may end the report early (RFC 2046 section 5.1.1).
std::string boundary_for(const Report& report, std::string_view quoted) {
  std::string boundary = "=_" + report.id.str();
  while (quoted.find(boundary) != std::string_view::npos) boundary += "_";
  return boundary;
}

struct Words {
  std::string_view subject, intro, name;
};

Words words_for(const Report& report) {
  switch (report.action) {
    case Action::failed:
      if (report.is_double)
        return {"failure notice",
                "I tried to deliver a bounce message to this address, but the bounce bounced!\n",
                "failed"};
      return {"failure notice",
              "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
              "This is a permanent error; I've given up. Sorry it didn't work out.\n",
              "failed"};
    case Action::delayed:
      return {"delivery delayed",
              "I haven't been able to deliver your message to the following addresses yet.\n"
              "I'll keep trying. You need not send it again.\n",
              "delayed"};
    case Action::delivered:
      return {"delivery confirmation",
              "Your message was delivered to the following addresses, as you asked to be told.\n",
              "delivered"};
    case Action::relayed:
      return {"delivery confirmation",
              "Your message was handed to the host of the following addresses, which does not\n"
              "confirm deliveries itself. This is the last you will hear if all goes well.\n",
              "relayed"};
    case Action::expanded:
      return {"delivery confirmation",
              "Your message was sent on to the addresses that the following stand for. This is\n"
              "the last you will hear if all goes well.\n",
              "expanded"};
  }
  return {};
}

std::string notice(const Report& report, bool whole) {
  std::string text = "Hi. This is the toast-queued program at " + report.host + ".\n";
  text += words_for(report).intro;
  for (const ReportedRecipient& recipient : report.recipients)
    text += "\n<" + shown_address(recipient.address) + ">:\n" +
            shown_report(recipient.text, report.action) + "\n";
  text += "\n--- Below this line ";
  if (!whole)
    text += "is the header of the message, which had " + std::to_string(report.original_bytes) +
            " bytes.\n";
  else if (report.is_double)
    text += "is the original bounce.\n";
  else
    text += "is a copy of the message.\n";
  return text;
}

// RFC 3464 section 2.3.6: the words of the remote host, where it was one that decided.
std::string diagnostic(std::string_view text) {
  constexpr std::string_view kQuote = "Remote host said: ";
  const std::size_t quoted = text.find(kQuote);
  if (quoted == std::string_view::npos) return "x-toastmaster; " + one_line(text);
  return "smtp; " + one_line(text.substr(quoted + kQuote.size()));
}

// RFC 3464 section 2.3.1: as the sender wrote it, without the encoding of ORCPT.
std::string original_recipient(std::string_view orcpt) {
  const std::size_t at = orcpt.find(';') + 1;  // the address is what follows the type
  const std::optional<std::string> address = smtp::decode_xtext(orcpt.substr(at));
  if (!address) return one_line(orcpt);
  return one_line(std::string(orcpt.substr(0, at)) + *address);
}

// RFC 3464 sections 2.2 and 2.3.
std::string delivery_status(const Report& report) {
  std::string text;
  if (!report.envid.empty()) text += "Original-Envelope-Id: " + one_line(report.envid) + "\n";
  text += "Reporting-MTA: dns; " + report.host + "\n";
  text += "Arrival-Date: " + format_date(report.original_arrival) + "\n";
  for (const ReportedRecipient& recipient : report.recipients) {
    text += "\n";
    if (!recipient.orcpt.empty())
      text += "Original-Recipient: " + original_recipient(recipient.orcpt) + "\n";
    text += "Final-Recipient: rfc822; " + one_line(recipient.address) + "\n";
    text += "Action: " + std::string(words_for(report).name) + "\n";
    text += "Status: " + status_of(recipient.text, report.action) + "\n";
    text += "Diagnostic-Code: " + diagnostic(recipient.text) + "\n";
    if (report.action == Action::delayed)
      text += "Will-Retry-Until: " + format_date(report.retry_until) + "\n";
  }
  return text;
}

std::string encoding_field(bool eight_bit) {
  return eight_bit ? "Content-Transfer-Encoding: 8bit\n" : "";
}

}  // namespace

std::string status_of(std::string_view text, Action action) {
  const char status_class = action == Action::failed ? '5' : action == Action::delayed ? '4' : '2';
  std::string none = std::string(1, status_class) + ".0.0";
  std::size_t at = 0;
  std::size_t length = status_length(text);
  if (length == 0) {
    const std::size_t mark = text.find("(#");
    if (mark == std::string_view::npos) return none;
    at = mark + 2;
    length = status_length(text.substr(at));
    if (length == 0) return none;
  }
  std::string status(text.substr(at, length));
  status[0] = status_class;
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

ReportText report_text(const Report& report) {
  const Quoted quoted = quote(report);
  const std::string first = notice(report, quoted.whole);
  const std::string status = delivery_status(report);
  const bool first_is_eight_bit = is_eight_bit(first) || is_eight_bit(status);
  const bool quoted_is_eight_bit = is_eight_bit(quoted.text);
  const bool eight_bit = first_is_eight_bit || quoted_is_eight_bit;
  const std::string boundary = boundary_for(report, quoted.text);

  std::string out = "Date: " + format_date(report.now) + "\n";
  out += "From: " + report.from + "@" + report.host + "\n";
  out += "To: " + one_line(report.to) + "\n";
  out += "Subject: " + std::string(words_for(report).subject) + "\n";
  out += "Message-ID: <" + report.id.str() + "@" + report.host + ">\n";
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
