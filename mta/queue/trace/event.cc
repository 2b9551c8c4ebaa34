#include "mta/queue/trace/event.h"

#include "mta/message/ascii.h"
#include "mta/message/headers.h"

namespace toast::queue::trace {
namespace {

// Which fields follow: most events have few of them.
enum Present : std::uint16_t {
  kParent = 1U << 0U,
  kSender = 1U << 1U,
  kRecipients = 1U << 2U,
  kCount = 1U << 3U,
  kBytes = 1U << 4U,
  kMessageId = 1U << 5U,
  kPeer = 1U << 6U,
  kLogin = 1U << 7U,
  kText = 1U << 8U,
  kRemote = 1U << 9U,
};
constexpr std::uint16_t kAllFields = (1U << 10U) - 1;

struct TextField {
  Present bit;
  std::string Event::*member;
  std::size_t most;
};
// In the order in which they are written.
constexpr TextField kTextFields[] = {
    {kSender, &Event::sender, kMaxAddressText}, {kMessageId, &Event::message_id, kMaxMessageIdText},
    {kPeer, &Event::peer, kMaxPeerText},        {kLogin, &Event::login, kMaxLoginText},
    {kText, &Event::text, kMaxEventText},       {kRemote, &Event::remote, kMaxRemoteText},
};

std::string_view cut(std::string_view text, std::size_t most) { return text.substr(0, most); }

std::size_t named(const Event& event) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (const std::string& recipient : event.recipients) {
    bytes += std::min(recipient.size(), kMaxAddressText);
    if (count == kMaxNamedRecipients || bytes > kMaxNamedBytes) break;
    ++count;
  }
  return count;
}

std::uint16_t fields_of(const Event& event) {
  unsigned fields = 0;
  if (event.parent.value() != 0) fields |= kParent;
  if (!event.recipients.empty()) fields |= kRecipients;
  if (event.recipient_count != 0) fields |= kCount;
  if (event.bytes != 0) fields |= kBytes;
  for (const TextField& field : kTextFields)
    if (!(event.*field.member).empty()) fields |= field.bit;
  return static_cast<std::uint16_t>(fields);
}

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::accepted:
      return "accepted";
    case Kind::created:
      return "created";
    case Kind::delivered:
      return "delivered";
    case Kind::deferred:
      return "deferred";
    case Kind::failed:
      return "failed";
    case Kind::held:
      return "held";
    case Kind::released:
      return "released";
    case Kind::removed:
      return "removed";
    case Kind::finished:
      return "finished";
  }
  return "unknown";
}

void encode(Encoder& e, const Event& event) {
  const std::uint16_t fields = fields_of(event);
  e.enumeration(event.kind);
  e.u16(fields);
  e.i64(unix_microseconds(event.time));
  e.u64(event.id.value());
  if ((fields & kParent) != 0) e.u64(event.parent.value());
  if ((fields & kCount) != 0) e.u32(event.recipient_count);
  if ((fields & kBytes) != 0) e.u64(event.bytes);
  if ((fields & kRecipients) != 0) {
    const std::size_t count = named(event);
    e.u8(static_cast<std::uint8_t>(count));
    for (std::size_t i = 0; i < count; ++i) e.bytes(cut(event.recipients[i], kMaxAddressText));
  }
  for (const TextField& field : kTextFields)
    if ((fields & field.bit) != 0) e.bytes(cut(event.*field.member, field.most));
}

Event decode_event(Decoder& d) {
  Event event;
  event.kind = d.enumeration(Kind::finished);
  const std::uint16_t fields = d.u16();
  if ((fields & ~kAllFields) != 0) d.fail("unknown field");
  event.time = WallTime{std::chrono::microseconds{d.i64()}};
  event.id = MessageId(d.u64());
  if ((fields & kParent) != 0) event.parent = MessageId(d.u64());
  if ((fields & kCount) != 0) event.recipient_count = d.u32();
  if ((fields & kBytes) != 0) event.bytes = d.u64();
  if ((fields & kRecipients) != 0) {
    const std::uint8_t count = d.u8();
    if (count > kMaxNamedRecipients) d.fail("too many recipients");
    for (std::uint8_t i = 0; i < count && d.ok(); ++i)
      event.recipients.push_back(d.string(kMaxAddressText));
  }
  for (const TextField& field : kTextFields)
    if ((fields & field.bit) != 0) event.*field.member = d.string(field.most);
  return event;
}

std::string_view without_brackets(std::string_view message_id) {
  if (message_id.starts_with('<')) message_id.remove_prefix(1);
  if (message_id.ends_with('>')) message_id.remove_suffix(1);
  return message_id;
}

std::string find_message_id(std::string_view front) {
  HeaderScanner scanner(front.substr(0, kMaxScannedHeader));
  while (auto field = scanner.next())
    if (ascii::equal_fold(field->name, "Message-ID"))
      return std::string(cut(without_brackets(unfold(field->body)), kMaxMessageIdText));
  return {};
}

}  // namespace toast::queue::trace
