// queued -> maild: put one message into one Maildir. The same delivery may be asked for again after
// a crash; it always gets the same file name, so it happens once.
#pragma once

#include <cstdint>
#include <string>

#include "base/codec.h"
#include "base/fd.h"
#include "mta/message/message_id.h"
#include "vdomain/instruction.h"

namespace toast::maildir {

inline constexpr std::size_t kQueueInstanceBytes = 16;
inline constexpr std::size_t kMaxInlineBody =
    256 * 1024;  // as the journal's; larger bodies come as a blob

struct Deliver {
  static constexpr std::uint16_t kType = 1;
  struct Reply {
    bool already_there = false;  // this very delivery had happened before
    std::string file_name;       // in new/ (or where a reader has moved it to)
    void encode(Encoder& e) const {
      e.boolean(already_there);
      e.bytes(file_name);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.already_there = d.boolean();
      r.file_name = d.string(256);
      return r;
    }
  };
  // An error reply: transient (disk, quota 4.2.2) or permanent (loop 5.4.6).

  std::string queue_instance;  // kQueueInstanceBytes random bytes, of the journal
  MessageId message;
  std::uint32_t recipient_index = 0;
  std::uint32_t instruction_index = 0;
  std::int64_t arrival_seconds = 0;  // Unix time
  vdomain::DeliverMaildir target;
  ReversePath reverse_path;
  Address recipient;  // as accepted: Delivered-To
  std::string body;   // when there is no descriptor
  std::uint64_t body_bytes = 0;
  Fd descriptor;  // read-only blob; empty for an inline body

  void encode(Encoder& e) const {
    e.bytes(queue_instance);
    e.u64(message.value());
    e.u32(recipient_index);
    e.u32(instruction_index);
    e.i64(arrival_seconds);
    put_address(e, target.mailbox);
    e.bytes(target.maildir);
    e.u64(target.quota.bytes);
    e.u64(target.quota.messages);
    put_reverse_path(e, reverse_path);
    put_address(e, recipient);
    e.bytes(body);
    e.u64(body_bytes);
  }
  static Deliver decode(Decoder& d) {
    std::string queue_instance = d.string(kQueueInstanceBytes);
    const MessageId message(d.u64());
    const std::uint32_t recipient_index = d.u32();
    const std::uint32_t instruction_index = d.u32();
    const std::int64_t arrival_seconds = d.i64();
    Address mailbox = take_address(d);
    std::string maildir = d.string(vdomain::kMaxMaildirPath);
    vdomain::Quota quota;
    quota.bytes = d.u64();
    quota.messages = d.u64();
    ReversePath reverse_path = take_reverse_path(d);
    Address recipient = take_address(d);
    std::string body = d.string(kMaxInlineBody);
    const std::uint64_t body_bytes = d.u64();
    return {std::move(queue_instance),
            message,
            recipient_index,
            instruction_index,
            arrival_seconds,
            {std::move(mailbox), std::move(maildir), quota},
            std::move(reverse_path),
            std::move(recipient),
            std::move(body),
            body_bytes,
            Fd()};
  }
};

}  // namespace toast::maildir
