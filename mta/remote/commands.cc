#include "mta/remote/commands.h"

#include <algorithm>
#include <string_view>

#include "mta/message/ascii.h"
#include "mta/smtp/dsn.h"

namespace toast::remote {
namespace {

// In the order in which RFC 3461 section 4.1 names them.
struct NotifyWord {
  std::uint8_t bit;
  std::string_view word;
};
constexpr NotifyWord kNotifyWords[] = {{smtp::kNotifySuccess, "SUCCESS"},
                                       {smtp::kNotifyFailure, "FAILURE"},
                                       {smtp::kNotifyDelay, "DELAY"}};

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), ascii::is_ascii);
}

// esmtp-value of RFC 5321 section 4.1.2, and "=", which ORCPT's xtext has as "+3D" only.
bool is_parameter_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return ascii::is_printable(c) && c != ' '; });
}

// RFC 6531 section 3.4: asked for when needed, not whenever it came that way.
bool needs_smtputf8(const Transaction& t) {
  if (!t.message->smtputf8) return false;
  if (t.message->facts.eight_bit_header || !is_ascii(t.reverse_path)) return true;
  return std::any_of(t.recipients.begin(), t.recipients.end(),
                     [](const RemoteRecipient& r) { return !is_ascii(r.address.local_part()); });
}

Outcome refuse(std::string text) { return {Outcome::Kind::failed, std::move(text), false}; }

std::string notify_value(std::uint8_t bits) {
  if ((bits & smtp::kNotifyNever) != 0) return "NEVER";
  std::string value;
  for (const NotifyWord& known : kNotifyWords)
    if ((bits & known.bit) != 0) value.append(value.empty() ? "" : ",").append(known.word);
  return value;
}

}  // namespace

std::optional<Outcome> refusal_before_mail(const Transaction& t, const Capabilities& host) {
  const ContentFacts& facts = t.message->facts;
  if (host.max_size != 0 && facts.wire_bytes > host.max_size)
    return refuse("5.3.4 the message has " + std::to_string(facts.wire_bytes) +
                  " bytes, the remote host takes " + std::to_string(host.max_size));
  if (needs_smtputf8(t) && !host.smtputf8)
    return refuse("5.6.7 the remote host does not support SMTPUTF8, which the message needs");
  if (facts.eight_bit && !host.eight_bit_mime)
    return refuse("5.6.3 the message has 8-bit text, the remote host does not support 8BITMIME");
  return std::nullopt;
}

std::string mail_command(const Transaction& t, const Capabilities& host) {
  const OutgoingMessage& message = *t.message;
  std::string line = "MAIL FROM:<" + t.reverse_path + ">";
  if (host.size) line += " SIZE=" + std::to_string(message.facts.wire_bytes);
  if (message.facts.eight_bit) line += " BODY=8BITMIME";
  if (needs_smtputf8(t)) line += " SMTPUTF8";
  if (!host.dsn) return line;
  if (message.ret != DsnReturn::unset)
    line += message.ret == DsnReturn::headers ? " RET=HDRS" : " RET=FULL";
  if (!message.envid.empty()) line += " ENVID=" + smtp::encode_xtext(message.envid);
  return line;
}

std::string rcpt_command(const RemoteRecipient& recipient, const Capabilities& host) {
  std::string line = "RCPT TO:<" + recipient.address.str() + ">";
  if (!host.dsn) return line;
  const std::string notify = notify_value(recipient.notify);
  if (!notify.empty()) line += " NOTIFY=" + notify;
  if (!recipient.orcpt.empty() && is_parameter_value(recipient.orcpt))
    line += " ORCPT=" + recipient.orcpt;
  return line;
}

}  // namespace toast::remote
