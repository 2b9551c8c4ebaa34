#include "vdomain/instruction.h"

namespace toast::vdomain {
namespace {

enum class Tag : std::uint8_t {
  maildir = 1,
  forward,
  discard,
  refuse,
  defer,
  hand_over,
  auto_reply
};

void put_time(Encoder& e, const std::optional<WallTime>& time) {
  e.boolean(time.has_value());
  e.i64(time ? unix_microseconds(*time) : 0);
}
std::optional<WallTime> take_time(Decoder& d) {
  const bool there = d.boolean();
  const std::int64_t at = d.i64();
  if (!there) return std::nullopt;
  return WallTime{std::chrono::microseconds{at}};
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // Clang 16 does not deduce aggregates by itself

}  // namespace

void put_instruction(Encoder& e, const Instruction& instruction) {
  std::visit(Overloaded{
                 [&e](const DeliverMaildir& i) {
                   e.enumeration(Tag::maildir);
                   put_address(e, i.mailbox);
                   e.bytes(i.maildir);
                   e.u64(i.quota.bytes);
                   e.u64(i.quota.messages);
                 },
                 [&e](const Forward& i) {
                   e.enumeration(Tag::forward);
                   put_address(e, i.target);
                 },
                 [&e](const Discard& i) {
                   e.enumeration(Tag::discard);
                   e.bytes(i.reason);
                 },
                 [&e](const Refuse& i) {
                   e.enumeration(Tag::refuse);
                   e.bytes(i.reason);
                 },
                 [&e](const Defer& i) {
                   e.enumeration(Tag::defer);
                   e.bytes(i.reason);
                 },
                 [&e](const HandOver& i) {
                   e.enumeration(Tag::hand_over);
                   e.bytes(i.next_hop.str());
                   put_address(e, i.mailbox);
                 },
                 [&e](const AutoReply& i) {
                   e.enumeration(Tag::auto_reply);
                   put_address(e, i.mailbox);
                   e.bytes(i.subject);
                   e.bytes(i.text);
                   put_time(e, i.begins);
                   put_time(e, i.ends);
                   e.u32(i.days);
                   e.boolean(i.only_if_named);
                   e.list(i.own, put_address);
                 },
             },
             instruction);
}

Instruction take_instruction(Decoder& d) {
  switch (d.enumeration(Tag::auto_reply)) {
    case Tag::maildir: {
      Address mailbox = take_address(d);
      std::string maildir = d.string(kMaxMaildirPath);
      Quota quota;
      quota.bytes = d.u64();
      quota.messages = d.u64();
      return DeliverMaildir{std::move(mailbox), std::move(maildir), quota};
    }
    case Tag::forward:
      return Forward{take_address(d)};
    case Tag::discard:
      return Discard{d.string(kMaxReason)};
    case Tag::refuse:
      return Refuse{d.string(kMaxReason)};
    case Tag::defer:
      return Defer{d.string(kMaxReason)};
    case Tag::hand_over: {
      Result<NextHop> next_hop = NextHop::parse(d.bytes(kMaxNextHop));
      Address mailbox = take_address(d);
      if (!next_hop || next_hop->kind != NextHop::Kind::lmtp) break;
      return HandOver{std::move(*next_hop), std::move(mailbox)};
    }
    case Tag::auto_reply: {
      AutoReply reply{.mailbox = take_address(d),
                      .subject = {},
                      .text = {},
                      .begins = {},
                      .ends = {},
                      .own = {}};
      reply.subject = d.string(kMaxVacationSubject);
      reply.text = d.string(kMaxVacationText);
      reply.begins = take_time(d);
      reply.ends = take_time(d);
      reply.days = d.u32();
      reply.only_if_named = d.boolean();
      reply.own = d.list(kMaxOwnAddresses, take_address);
      return reply;
    }
  }
  d.fail("unknown instruction");
  return Discard{};
}

std::string describe(const Instruction& instruction) {
  return std::visit(Overloaded{
                        [](const DeliverMaildir& i) { return "maildir " + i.maildir; },
                        [](const Forward& i) { return "forward " + i.target.str(); },
                        [](const Discard& i) { return "discard (" + i.reason + ")"; },
                        [](const Refuse& i) { return "refuse " + i.reason; },
                        [](const Defer& i) { return "defer " + i.reason; },
                        [](const HandOver& i) {
                          return "lmtp " + i.next_hop.lmtp_server() + " for " + i.mailbox.str();
                        },
                        [](const AutoReply& i) { return "answer for " + i.mailbox.str(); },
                    },
                    instruction);
}

}  // namespace toast::vdomain
