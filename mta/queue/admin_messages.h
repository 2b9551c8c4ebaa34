// toastctl -> queued, over the socket run/queue.sock: what is in the queue, and how the queue is.
// The peer is root or the owner of the instance (SO_PEERCRED). Everything here only reads; what
// changes the queue is in operator_messages.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/ipc.h"
#include "mta/message/address_codec.h"
#include "mta/message/message_id.h"
#include "mta/queue/selection.h"
#include "mta/queue/submit_messages.h"

namespace toast::queue {

inline constexpr std::string_view kAdminSocket = "queue.sock";  // in run/
inline constexpr std::size_t kMaxAdminText = 1024;
inline constexpr std::uint32_t kMaxListed = 256;        // messages in one page
inline constexpr std::uint32_t kMaxShown = 256;         // recipients in one page
inline constexpr std::size_t kMaxShownTargets = 16;     // instructions of one recipient
inline constexpr std::size_t kMaxListedRecipients = 4;  // addresses shown per listed message
inline constexpr std::size_t kMaxWarnings = 64;

enum class RecipientPhase : std::uint8_t {
  waiting,    // not tried yet
  in_hand,    // being delivered now
  deferred,   // tried, to be tried again
  delivered,  // done, or handed on to a child message
  failed,     // never to be tried again; the bounce says why
  held,       // accepted, but not to be delivered until somebody releases it
};

// One line of a listing.
struct MessageSummary {
  MessageId id;
  std::int64_t arrival_seconds = 0;  // Unix time
  std::uint64_t size_bytes = 0;
  ReversePath reverse_path;
  std::uint32_t recipients = 0;  // in all
  std::uint32_t waiting = 0;     // of these: not tried yet or in hand
  std::uint32_t deferred = 0;
  std::uint32_t delivered = 0;
  std::uint32_t failed = 0;
  std::uint32_t attempts = 0;             // most attempts for one recipient
  std::int64_t next_attempt_seconds = 0;  // earliest over its recipients; 0: in hand
  std::vector<Address> open_recipients;   // the first few that are not done
  std::string last_error;                 // why the first deferred recipient waits
  std::string hold;                       // why the message is held; empty: it is not

  void encode(Encoder& e) const {
    e.u64(id.value());
    e.i64(arrival_seconds);
    e.u64(size_bytes);
    put_reverse_path(e, reverse_path);
    e.u32(recipients);
    e.u32(waiting);
    e.u32(deferred);
    e.u32(delivered);
    e.u32(failed);
    e.u32(attempts);
    e.i64(next_attempt_seconds);
    e.list(open_recipients, put_address);
    e.bytes(last_error);
    e.bytes(hold);
  }
  static MessageSummary decode(Decoder& d) {
    MessageSummary m;
    m.id = MessageId(d.u64());
    m.arrival_seconds = d.i64();
    m.size_bytes = d.u64();
    m.reverse_path = take_reverse_path(d);
    m.recipients = d.u32();
    m.waiting = d.u32();
    m.deferred = d.u32();
    m.delivered = d.u32();
    m.failed = d.u32();
    m.attempts = d.u32();
    m.next_attempt_seconds = d.i64();
    m.open_recipients = d.list(kMaxListedRecipients, take_address);
    m.last_error = d.string(kMaxAdminText);
    m.hold = d.string(kMaxAdminText);
    return m;
  }
};

// Messages by id, oldest first.
struct QueueList {
  static constexpr std::uint16_t kType = 1;
  struct Reply {
    std::vector<MessageSummary> messages;
    bool more = false;  // ask again with `next` as `after`; a page may have no message
    MessageId next;     // the last one that was looked at
    void encode(Encoder& e) const {
      e.list(messages, [](Encoder& to, const MessageSummary& m) { m.encode(to); });
      e.boolean(more);
      e.u64(next.value());
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.messages = d.list(kMaxListed, [](Decoder& from) { return MessageSummary::decode(from); });
      r.more = d.boolean();
      r.next = MessageId(d.u64());
      return r;
    }
  };
  MessageId after;                   // 0: from the beginning
  std::uint32_t limit = kMaxListed;  // at most kMaxListed
  Selection selection;

  void encode(Encoder& e) const {
    e.u64(after.value());
    e.u32(limit);
    selection.encode(e);
  }
  static QueueList decode(Decoder& d) {
    QueueList m;
    m.after = MessageId(d.u64());
    m.limit = d.u32();
    m.selection = Selection::decode(d);
    if (m.limit == 0 || m.limit > kMaxListed) d.fail("page size");
    return m;
  }
};

struct RecipientDetail {
  Address recipient;
  RecipientPhase state = RecipientPhase::waiting;
  std::uint32_t attempts = 0;
  std::int64_t last_attempt_seconds = 0;  // 0: none yet
  std::int64_t next_attempt_seconds = 0;  // 0: not deferred
  std::string last_text;                  // outcome of the last attempt
  std::vector<std::string> targets;       // what is to be done, once that is frozen

  void encode(Encoder& e) const {
    put_address(e, recipient);
    e.enumeration(state);
    e.u32(attempts);
    e.i64(last_attempt_seconds);
    e.i64(next_attempt_seconds);
    e.bytes(last_text);
    e.list(targets, [](Encoder& to, const std::string& text) { to.bytes(text); });
  }
  static RecipientDetail decode(Decoder& d) {
    RecipientDetail r{take_address(d), RecipientPhase::waiting, 0, 0, 0, {}, {}};
    r.state = d.enumeration(RecipientPhase::held);
    r.attempts = d.u32();
    r.last_attempt_seconds = d.i64();
    r.next_attempt_seconds = d.i64();
    r.last_text = d.string(kMaxAdminText);
    r.targets = d.list(kMaxShownTargets, [](Decoder& from) { return from.string(kMaxAdminText); });
    return r;
  }
};

// One message whole. An error reply: permanent when there is no such message (any more).
struct QueueShow {
  static constexpr std::uint16_t kType = 2;
  struct Reply {
    MessageSummary summary;
    BodyType body_type = BodyType::seven_bit;
    std::string peer;
    std::string helo;
    std::string authenticated;
    MessageId parent;                   // 0: not made by a forward or a bounce
    std::int64_t expires_seconds = 0;   // the first attempt after this is the last
    std::uint32_t first_recipient = 0;  // index of recipients.front()
    std::vector<RecipientDetail> recipients;
    void encode(Encoder& e) const {
      summary.encode(e);
      e.enumeration(body_type);
      e.bytes(peer);
      e.bytes(helo);
      e.bytes(authenticated);
      e.u64(parent.value());
      e.i64(expires_seconds);
      e.u32(first_recipient);
      e.list(recipients, [](Encoder& to, const RecipientDetail& r) { r.encode(to); });
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.summary = MessageSummary::decode(d);
      r.body_type = d.enumeration(BodyType::eight_bit_mime);
      r.peer = d.string(kMaxTraceText);
      r.helo = d.string(kMaxTraceText);
      r.authenticated = d.string(2 * kMaxTraceText);
      r.parent = MessageId(d.u64());
      r.expires_seconds = d.i64();
      r.first_recipient = d.u32();
      r.recipients = d.list(kMaxShown, [](Decoder& from) { return RecipientDetail::decode(from); });
      return r;
    }
  };
  MessageId id;
  std::uint32_t first_recipient = 0;  // a page begins here; summary.recipients says how many

  void encode(Encoder& e) const {
    e.u64(id.value());
    e.u32(first_recipient);
  }
  static QueueShow decode(Decoder& d) {
    QueueShow m;
    m.id = MessageId(d.u64());
    m.first_recipient = d.u32();
    return m;
  }
};

struct QueueStatus {
  static constexpr std::uint16_t kType = 3;
  enum class Journal : std::uint8_t { good, failed };
  struct Reply {
    std::uint64_t messages = 0;
    std::uint64_t waiting = 0;                // recipients not tried yet
    std::uint64_t in_hand = 0;                // recipients being delivered now
    std::uint64_t deferred = 0;               // recipients to be tried again
    std::int64_t oldest_arrival_seconds = 0;  // 0: the queue is empty
    Journal journal = Journal::good;
    std::string journal_text;  // why it failed
    bool accepting = true;
    std::string accepting_text;  // why not
    std::uint64_t free_bytes = 0;
    std::uint64_t reserve_bytes = 0;
    // Since toast-queued started:
    std::int64_t started_seconds = 0;
    std::uint64_t accepted = 0;
    std::uint64_t deliveries = 0;
    std::uint64_t deferrals = 0;
    std::uint64_t failures = 0;
    std::uint64_t bounces = 0;
    std::uint64_t discarded_bounces = 0;  // triple bounces
    std::vector<std::string> warnings;    // damage found at start, keepers that are away

    void encode(Encoder& e) const {
      for (const std::uint64_t v : {messages, waiting, in_hand, deferred}) e.u64(v);
      e.i64(oldest_arrival_seconds);
      e.enumeration(journal);
      e.bytes(journal_text);
      e.boolean(accepting);
      e.bytes(accepting_text);
      e.u64(free_bytes);
      e.u64(reserve_bytes);
      e.i64(started_seconds);
      for (const std::uint64_t v :
           {accepted, deliveries, deferrals, failures, bounces, discarded_bounces})
        e.u64(v);
      e.list(warnings, [](Encoder& to, const std::string& text) { to.bytes(text); });
    }
    static Reply decode(Decoder& d) {
      Reply r;
      for (std::uint64_t* v : {&r.messages, &r.waiting, &r.in_hand, &r.deferred}) *v = d.u64();
      r.oldest_arrival_seconds = d.i64();
      r.journal = d.enumeration(Journal::failed);
      r.journal_text = d.string(kMaxAdminText);
      r.accepting = d.boolean();
      r.accepting_text = d.string(kMaxAdminText);
      r.free_bytes = d.u64();
      r.reserve_bytes = d.u64();
      r.started_seconds = d.i64();
      for (std::uint64_t* v : {&r.accepted, &r.deliveries, &r.deferrals, &r.failures, &r.bounces,
                               &r.discarded_bounces})
        *v = d.u64();
      r.warnings = d.list(kMaxWarnings, [](Decoder& from) { return from.string(kMaxAdminText); });
      return r;
    }
  };
  void encode(Encoder&) const {}
  static QueueStatus decode(Decoder&) { return {}; }
};

}  // namespace toast::queue
