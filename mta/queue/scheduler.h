// Which delivery comes next: a state machine over (state, event, now). It reads no clock, opens no
// socket and writes no disk; what it is told is all it knows.
//
// A unit of work is one recipient of one message (its instructions are carried out in order within
// that unit). It is started as local work: the directory is asked where it goes. If that is another
// host it moves on to its destination (destinations.h) and comes back in a batch, with others of
// the same message. The rules for local work, in order:
//   - at most `concurrency` units are in hand;
//   - mail that was never tried goes before mail that was deferred, but one start in
//     kRetryShare belongs to deferred mail when both wait, so that neither starves;
//   - senders take turns, one recipient each; while others wait, a sender that holds its share of
//     the slots is passed over, so that a list of a million never stands in front of a letter;
//   - a deferred recipient comes back at the time of retry_schedule.h, by the channel it was
//     deferred in.
// A message that is held has no recipient in any line until it is released.
//
// Memory: a recipient that was not tried yet takes none (its message holds a range), a deferred one
// takes 16 bytes, one that waits for its destination 8, a message about 40.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mta/message/message_id.h"
#include "mta/queue/destinations.h"
#include "mta/queue/fifo.h"
#include "mta/queue/journal/sorted_blocks.h"
#include "mta/queue/retry_schedule.h"

namespace toast::queue {

// The clock going back by less than this changes nothing: nobody waits longer for it than this.
inline constexpr std::chrono::seconds kClockSlack{2};

enum class Channel : std::uint8_t { local, remote };

struct Work {
  MessageId message;
  std::uint32_t recipient = 0;  // index in the envelope
  bool fresh = false;           // never tried before
  bool last = false;            // past the lifetime: a temporary failure is final
  Channel channel = Channel::local;
  friend bool operator==(const Work&, const Work&) = default;
};

// Recipients of one message for one destination: one transaction.
struct RemoteWork {
  MessageId message;
  std::string next_hop;
  std::vector<Work> works;
  bool given_up = false;  // not to be tried: `why` is the failure of each
  std::string why;
  Destinations::Batch batch;
};

// A recipient that was tried before, found at start.
struct Waiting {
  std::uint32_t recipient = 0;
  Moment next_attempt;
  bool remote = false;  // it was another host that deferred it, as far as is known
};

class Scheduler {
 public:
  struct Limits {
    std::uint32_t concurrency = 1;
    std::chrono::seconds lifetime{};
    Destinations::Limits remote{};
  };
  struct Counts {
    std::uint64_t messages = 0;
    std::uint64_t fresh = 0;     // recipients never tried, not in hand, not yet at a destination
    std::uint64_t deferred = 0;  // recipients waiting for another attempt
    std::uint64_t in_hand = 0;   // local work
    std::uint64_t in_hand_remote = 0;  // recipients in batches
  };

  explicit Scheduler(Limits limits);
  Scheduler(const Scheduler&) = delete;  // destinations_ asks it
  Scheduler& operator=(const Scheduler&) = delete;
  void set_limits(Limits limits);

  // A message to deliver. `sender` is whatever must not crowd out others (a hash of the reverse
  // path). Recipients in `fresh` and `waiting` are open, all others have ended.
  void add(MessageId id, Moment birth, std::uint64_t sender, std::span<const std::uint32_t> fresh,
           std::span<const Waiting> waiting);
  // The common case: recipients 0 .. recipients - 1, none of them tried.
  void add(MessageId id, Moment birth, std::uint64_t sender, std::uint32_t recipients);

  // A message that is held: release() puts its recipients into their lines.
  void add_held(MessageId id, Moment birth, std::uint64_t sender, std::uint32_t open);

  // The next unit to work on now; it is in hand until ended(), deferred(), given_back() or
  // to_destination().
  std::optional<Work> next(Moment now);
  // It goes to another host. Returned later, in a batch.
  void to_destination(const Work& work, std::string_view next_hop);
  // The next transaction to begin now. Each of its works is in hand until ended(), deferred() or
  // given_back(); after them batch_over() frees the slot and says what was learned about the
  // destination.
  std::optional<RemoteWork> next_remote(Moment now);
  void batch_over(const RemoteWork& work, Contact contact, std::string_view why, Moment now);

  void ended(const Work& work);
  // Tried at `started` without a final result. Returns when it will be tried again.
  Moment deferred(const Work& work, Moment started);
  // Not tried after all (the process that should have done it went away): first in line again.
  void given_back(const Work& work);
  // For a recipient of a batch: also given_back to its own destination.
  void given_back(const Work& work, const RemoteWork& from);

  // Takes what waits of these messages out of every line; what is in hand ends as it ends.
  void hold(const std::function<bool(MessageId)>& which);
  // Puts it back; what is in hand is neither fresh nor waiting.
  void release(MessageId id, std::span<const std::uint32_t> fresh,
               std::span<const Waiting> waiting);
  // Gives up a recipient that is not in hand, of a message that is held.
  void ended_while_held(MessageId id, std::uint32_t recipients);
  // Deferred recipients for which `which` are due now. Returns how many.
  std::uint64_t retry_now(const std::function<bool(MessageId, std::uint32_t recipient)>& which,
                          Moment now);
  Destinations& destinations() { return destinations_; }
  const Destinations& destinations() const { return destinations_; }

  // When next() may have something although nothing is ready now. None: only an event can help.
  std::optional<Moment> next_due() const;
  // The same of next_remote().
  std::optional<Moment> next_remote_due() const { return destinations_.next_due(); }
  bool has_free_slot() const { return counts_.in_hand < limits_.concurrency; }
  const Counts& counts() const { return counts_; }

 private:
  struct Message {
    MessageId id;
    std::uint32_t birth_seconds = 0;  // Unix time
    std::uint32_t sender = 0;         // index into senders_
    std::uint32_t open = 0;           // recipients that have not ended
    std::uint32_t unrouted : 31 = 0;  // of these: fresh, or in hand as local work
    std::uint32_t held : 1 = 0;
    Moment birth() const { return Moment{std::chrono::seconds{birth_seconds}}; }
  };
  static_assert(sizeof(Message) == 24);
  struct Range {  // recipients [next, end) of a message, none tried
    std::uint32_t message = 0;
    std::uint32_t next = 0;
    std::uint32_t end = 0;
  };
  struct Deferred {
    Moment due;
    std::uint32_t message = 0;
    std::uint32_t recipient : 31 = 0;
    std::uint32_t remote : 1 = 0;  // deferred by another host; may be moved since
    friend bool operator>(const Deferred& a, const Deferred& b) {
      return std::tuple(a.due, a.message, a.recipient + 0U) >
             std::tuple(b.due, b.message, b.recipient + 0U);
    }
  };
  static_assert(sizeof(Deferred) == 16);
  struct Sender {
    std::uint64_t key = 0;
    Fifo<Range> fresh;
    std::vector<Deferred> deferred;  // a heap, earliest first
    std::uint32_t in_hand = 0;
    std::uint32_t messages = 0;
    bool in_fresh_ring = false;
    bool in_retry_ring = false;
  };

  std::uint32_t message_slot(MessageId id) const { return slots_.find(id)->second; }
  std::uint32_t sender_for(std::uint64_t key);
  std::uint32_t insert_message(MessageId id, Moment birth, std::uint64_t sender,
                               std::uint32_t open);
  void queue_fresh(std::uint32_t sender, Range range, bool in_front);
  void queue_deferred(std::uint32_t sender, Deferred item);
  void refill_rings();
  void file_retries(std::uint32_t sender, Moment now);  // ring, set of wake-ups, or neither
  void observe(Moment now);
  void after_clock_went_back(Moment now);
  std::optional<std::uint32_t> take_turn(std::deque<std::uint32_t>& ring);
  Work start_fresh(std::uint32_t sender, Moment now);
  Work start_retry(std::uint32_t sender, Moment now);
  Work start(std::uint32_t slot, std::uint32_t recipient, bool fresh, Moment now);
  std::uint32_t let_go(const Work& work);  // frees the slot; returns the message's
  void forget(std::uint32_t slot);         // its last recipient has ended
  void add_items(std::uint32_t slot, std::span<const std::uint32_t> fresh,
                 std::span<const Waiting> waiting);

  Limits limits_;
  Counts counts_;
  Destinations destinations_;
  Moment newest_now_{Moment::min()};
  unsigned starts_until_retry_ = kRetryShare;
  std::deque<Message> messages_;
  std::vector<std::uint32_t> free_messages_;
  SortedTable<MessageId, std::uint32_t> slots_;
  std::vector<Sender> senders_;
  std::vector<std::uint32_t> free_senders_;
  std::unordered_map<std::uint64_t, std::uint32_t> sender_index_;
  std::deque<std::uint32_t> fresh_ring_;                 // senders with untried mail
  std::deque<std::uint32_t> retry_ring_;                 // senders with deferred mail that is due
  std::set<std::pair<Moment, std::uint32_t>> wake_ups_;  // the others with deferred mail
};

}  // namespace toast::queue
