#include "mta/queue/auto_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mta/message/ascii.h"
#include "mta/message/date.h"
#include "mta/message/headers.h"

namespace toast::queue {
namespace {

using vdomain::AutoReply;

constexpr std::size_t kMaxPlainLine = 76;  // longer ones are encoded

// RFC 3834 section 2, and what robots call themselves since.
bool is_robot(std::string_view local_part) {
  for (const std::string_view name :
       {"mailer-daemon", "listserv", "majordomo", "postmaster", "no-reply", "noreply", "no_reply",
        "donotreply", "do-not-reply", "bounce", "bounces"})
    if (local_part == name) return true;
  for (const std::string_view front : {"owner-", "bounce-", "bounces-", "bounces+", "bounce+"})
    if (local_part.starts_with(front)) return true;
  for (const std::string_view back : {"-request", "-relay", "-owner", "-bounces", "-noreply"})
    if (local_part.ends_with(back)) return true;
  return false;
}

// The first word of a field's body, in lower case: without what ";" begins and comments.
std::string first_word(std::string_view body) {
  const std::string text = ascii::lower(unfold(body));
  return text.substr(0, text.find_first_of("; \t("));
}

std::string reason_in_field(const std::string& name, std::string_view body) {
  if (name.starts_with("list-")) return "it came over a list";
  if (name == "auto-submitted" && first_word(body) != "no") return "it was sent by a program";
  if (name == "precedence") {
    const std::string word = first_word(body);
    if (word == "bulk" || word == "junk" || word == "list") return "it is " + word + " mail";
  }
  if (name == "x-spam-flag" && first_word(body) == "yes") return "it is marked as spam";
  if (name == "content-type" && first_word(body) == "multipart/report") return "it is a report";
  if (name == "x-auto-response-suppress") {
    const std::string text = ascii::lower(unfold(body));
    for (const std::string_view word : {"all", "oof", "autoreply"})
      if (text.find(word) != std::string::npos) return "its sender wants no answers of programs";
  }
  return {};
}

bool is_atom_byte(char c) {
  return ascii::is_digit(c) ||
         (ascii::lower(std::string(1, c))[0] >= 'a' && ascii::lower(std::string(1, c))[0] <= 'z') ||
         std::string_view("!#$%&'*+-/=?^_`{|}~.@").find(c) != std::string_view::npos;
}

// Does the address stand in a list of addresses, and not as a part of another?
bool names(std::string_view list, std::string_view address) {
  for (std::size_t at = list.find(address); at != std::string_view::npos;
       at = list.find(address, at + 1)) {
    const std::size_t end = at + address.size();
    const bool begins = at == 0 || !is_atom_byte(list[at - 1]);
    const bool ends = end == list.size() || !is_atom_byte(list[end]);
    if (begins && ends) return true;
  }
  return false;
}

bool is_addressee_field(const std::string& name) {
  for (const std::string_view field : {"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"})
    if (name == field) return true;
  return false;
}

// The named fields of the message that is answered, unfolded; the first of each counts.
struct AnsweredFields {
  std::string subject, message_id, references, in_reply_to;
};

std::string clean(std::string_view body) {
  std::string text = unfold(body);
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return text;
}

AnsweredFields fields_of(std::string_view header) {
  AnsweredFields fields;
  HeaderScanner scanner(header);
  while (const std::optional<HeaderField> field = scanner.next()) {
    const std::string name = ascii::lower(std::string(field->name));
    for (const auto& [wanted, place] :
         {std::pair("subject", &fields.subject), std::pair("message-id", &fields.message_id),
          std::pair("references", &fields.references),
          std::pair("in-reply-to", &fields.in_reply_to)})
      if (name == wanted && place->empty()) *place = clean(field->body);
  }
  return fields;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Only what an identifier may be made of goes into our header.
bool is_identifier(std::string_view text) {
  return text.size() >= 3 && text.size() <= kMaxReferences && text.starts_with('<') &&
         text.ends_with('>') && is_ascii(text);
}

std::string subject_of(const AutoReply& reply, const std::string& answered) {
  if (!reply.subject.empty()) return encode_header_text(reply.subject);
  std::string subject = answered;
  if (subject.size() > kMaxAnsweredSubject) {
    subject.resize(kMaxAnsweredSubject);
    if (const std::size_t blank = subject.rfind(' '); blank != std::string::npos)
      subject.resize(blank);  // not in the middle of an encoded word
  }
  if (subject.empty()) return "Auto: your message";
  if (!is_ascii(subject)) return "Auto: " + encode_header_text(subject);
  return "Auto: " + subject;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8U) | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      out += k <= left ? kLetters[(group >> (18 - 6 * k)) & 63U] : '=';
  }
  return out;
}

bool needs_encoding(std::string_view text) {
  std::size_t line = 0;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80 || ++line > kMaxPlainLine) return true;
    if (c == '\n') line = 0;
  }
  return false;
}

}  // namespace

std::string reason_not_to_answer(const AutoReply& reply, const Address& sender,
                                 std::string_view header, WallTime now) {
  if (reply.begins && now < *reply.begins) return "it has not begun";
  if (reply.ends && now >= *reply.ends) return "it is over";
  if (is_robot(ascii::lower(sender.local_part()))) return "its sender is a program";
  const auto own = [&](const Address& address) {
    return ascii::lower(address.str()) == ascii::lower(sender.str());
  };
  if (std::any_of(reply.own.begin(), reply.own.end(), own)) return "it is its own sender";
  bool named = !reply.only_if_named;
  HeaderScanner scanner(header);
  while (const std::optional<HeaderField> field = scanner.next()) {
    const std::string name = ascii::lower(std::string(field->name));
    if (std::string reason = reason_in_field(name, field->body); !reason.empty()) return reason;
    if (named || !is_addressee_field(name)) continue;
    const std::string list = ascii::lower(unfold(field->body));
    named = std::any_of(reply.own.begin(), reply.own.end(), [&](const Address& address) {
      return names(list, ascii::lower(address.str()));
    });
  }
  if (!named) return "its address is not in To or Cc";
  return {};
}

std::string encode_header_text(std::string_view text) {
  constexpr std::size_t kBytesOfWord = 36;  // 60 characters a word: with a name, in one line of 76
  if (is_ascii(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    std::size_t take = std::min(kBytesOfWord, text.size());
    while (take > 1 && take < text.size() &&
           (static_cast<unsigned char>(text[take]) & 0xC0U) == 0x80U)
      --take;  // whole characters in each word
    out += (out.empty() ? "" : "\n ") + fmt::format("=?UTF-8?B?{}?=", base64(text.substr(0, take)));
    text.remove_prefix(take);
  }
  return out;
}

std::string quoted_printable(std::string_view text) {
  constexpr std::size_t kLongest = 75;  // and the "=" of a soft line break
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      out += c;
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n';
    const auto byte = static_cast<unsigned char>(c);
    const bool plain =
        (byte > 0x20 && byte < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !ends_line);
    const std::string piece = plain ? std::string(1, c) : fmt::format("={:02X}", byte);
    if (column + piece.size() > kLongest) {
      out += "=\n";
      column = 0;
    }
    out += piece;
    column += piece.size();
  }
  return out;
}

std::string answer_text(const Answer& a) {
  const AnsweredFields answered = fields_of(a.header);
  std::string text =
      fmt::format("Date: {}\nFrom: {}\nTo: {}\nSubject: {}\nMessage-ID: <{}.auto@{}>\n",
                  format_date(a.now), a.reply.mailbox.str(), a.sender.str(),
                  subject_of(a.reply, answered.subject), a.id.str(), a.host);
  if (is_identifier(answered.message_id)) {
    const std::string& before =
        answered.references.empty() ? answered.in_reply_to : answered.references;
    const bool go_on = is_identifier(before);
    text += "In-Reply-To: " + answered.message_id +
            "\nReferences: " + (go_on ? before + "\n " : std::string()) + answered.message_id +
            "\n";
  }
  text += "Auto-Submitted: auto-replied\nMIME-Version: 1.0\n";
  std::string body = a.reply.text;
  if (!body.ends_with('\n')) body += '\n';
  if (needs_encoding(body))
    text +=
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n" +
        quoted_printable(body);
  else
    text += "Content-Type: text/plain; charset=us-ascii\n\n" + body;
  return text;
}

}  // namespace toast::queue
