// toastctl -> queued, over run/queue.sock: what changes the queue by hand, and overviews. The peer
// is root or the owner of the instance (SO_PEERCRED). Types 10 to 19 of that socket.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/ipc.h"
#include "mta/queue/selection.h"

namespace toast::queue {

inline constexpr std::size_t kMaxOperatorText = 512;
inline constexpr std::uint32_t kMaxTopRows = 1000;
inline constexpr std::uint32_t kMaxDestinationRows = 500;

struct QueueAct {
  static constexpr std::uint16_t kType = 10;
  enum class Action : std::uint8_t {
    retry,    // now, whatever the schedule says; destinations that are down are probed
    hold,     // not to be delivered until released; always the whole message
    release,  // what was held
    remove,   // forgotten, nobody is told
    bounce,   // returned to the sender
  };
  struct Reply {
    std::uint64_t messages = 0;
    std::uint64_t recipients = 0;
    std::uint64_t in_hand = 0;  // of these: being delivered now; it applies if that fails
    void encode(Encoder& e) const {
      e.u64(messages);
      e.u64(recipients);
      e.u64(in_hand);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.messages = d.u64();
      r.recipients = d.u64();
      r.in_hand = d.u64();
      return r;
    }
  };
  Action action = Action::retry;
  Selection selection;
  std::string reason;    // of a hold or a bounce, for those who read it
  bool dry_run = false;  // count only

  void encode(Encoder& e) const {
    e.enumeration(action);
    selection.encode(e);
    e.bytes(reason);
    e.boolean(dry_run);
  }
  static QueueAct decode(Decoder& d) {
    QueueAct m;
    m.action = d.enumeration(Action::bounce);
    m.selection = Selection::decode(d);
    m.reason = d.string(kMaxOperatorText);
    m.dry_run = d.boolean();
    return m;
  }
};

// Survives a restart.
struct QueuePause {
  static constexpr std::uint16_t kType = 11;
  enum class Scope : std::uint8_t {
    inbound,      // new mail is refused with 451 4.3.2
    outbound,     // nothing goes to other hosts
    destination,  // nothing goes there
  };
  using Reply = ipc::Done;  // an error: permanent, it was not paused
  Scope scope = Scope::outbound;
  std::string destination;
  bool paused = true;

  void encode(Encoder& e) const {
    e.enumeration(scope);
    e.bytes(destination);
    e.boolean(paused);
  }
  static QueuePause decode(Decoder& d) {
    QueuePause m;
    m.scope = d.enumeration(Scope::destination);
    m.destination = d.string(kMaxPattern);
    m.paused = d.boolean();
    return m;
  }
};

// What the queue is full of.
struct QueueTop {
  static constexpr std::uint16_t kType = 12;
  enum class By : std::uint8_t { sender, domain, reason, login };
  struct Row {
    std::string key;
    std::uint64_t messages = 0;
    std::uint64_t recipients = 0;  // open
    std::uint64_t deferred = 0;    // of these
    std::int64_t oldest_seconds = 0;
    void encode(Encoder& e) const {
      e.bytes(key);
      e.u64(messages);
      e.u64(recipients);
      e.u64(deferred);
      e.i64(oldest_seconds);
    }
    static Row decode(Decoder& d) {
      Row r;
      r.key = d.string(kMaxOperatorText);
      r.messages = d.u64();
      r.recipients = d.u64();
      r.deferred = d.u64();
      r.oldest_seconds = d.i64();
      return r;
    }
  };
  struct Reply {
    std::vector<Row> rows;  // most recipients first
    void encode(Encoder& e) const {
      e.list(rows, [](Encoder& to, const Row& row) { row.encode(to); });
    }
    static Reply decode(Decoder& d) {
      return {d.list(kMaxTopRows, [](Decoder& from) { return Row::decode(from); })};
    }
  };
  By by = By::sender;
  std::uint32_t limit = 20;

  void encode(Encoder& e) const {
    e.enumeration(by);
    e.u32(limit);
  }
  static QueueTop decode(Decoder& d) {
    QueueTop m;
    m.by = d.enumeration(By::login);
    m.limit = d.u32();
    if (m.limit == 0 || m.limit > kMaxTopRows) d.fail("number of rows");
    return m;
  }
};

// Other hosts that mail waits for, by name.
struct QueueDestinations {
  static constexpr std::uint16_t kType = 13;
  struct Row {
    std::string name;
    std::uint64_t waiting = 0;
    std::uint32_t in_hand = 0;
    std::uint32_t limit = 0;
    bool down = false;
    bool paused = false;
    std::int64_t probe_seconds = 0;  // when it is tried again, if down
    std::string why;
    void encode(Encoder& e) const {
      e.bytes(name);
      e.u64(waiting);
      e.u32(in_hand);
      e.u32(limit);
      e.boolean(down);
      e.boolean(paused);
      e.i64(probe_seconds);
      e.bytes(why);
    }
    static Row decode(Decoder& d) {
      Row r;
      r.name = d.string(kMaxPattern);
      r.waiting = d.u64();
      r.in_hand = d.u32();
      r.limit = d.u32();
      r.down = d.boolean();
      r.paused = d.boolean();
      r.probe_seconds = d.i64();
      r.why = d.string(kMaxOperatorText);
      return r;
    }
  };
  struct Reply {
    std::vector<Row> rows;
    bool more = false;  // ask again with the last name as `after`
    bool inbound_paused = false;
    bool outbound_paused = false;
    void encode(Encoder& e) const {
      e.list(rows, [](Encoder& to, const Row& row) { row.encode(to); });
      e.boolean(more);
      e.boolean(inbound_paused);
      e.boolean(outbound_paused);
    }
    static Reply decode(Decoder& d) {
      Reply r;
      r.rows = d.list(kMaxDestinationRows, [](Decoder& from) { return Row::decode(from); });
      r.more = d.boolean();
      r.inbound_paused = d.boolean();
      r.outbound_paused = d.boolean();
      return r;
    }
  };
  std::string after;

  void encode(Encoder& e) const { e.bytes(after); }
  static QueueDestinations decode(Decoder& d) { return {d.string(kMaxPattern)}; }
};

}  // namespace toast::queue
