// Which delivery comes next: a state machine over (state, event, now). It reads no clock, opens no
// socket and writes no disk; what it is told is all it knows.
//
// A unit of work is one recipient of one message (its instructions are carried out in order within
// that unit). The rules, in order:
//   - at most `concurrency` units are in hand;
//   - mail that was never tried goes before mail that was deferred, but one start in
//     kRetryShare belongs to deferred mail when both wait, so that neither starves;
//   - senders take turns, one recipient each; while others wait, a sender that holds its share of
//     the slots is passed over, so that a list of a million never stands in front of a letter;
//   - a deferred recipient comes back at the time of retry_schedule.h.
//
// Memory: a recipient that was not tried yet takes none (its message holds a range), a deferred one
// takes 16 bytes, a message about 100.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mta/message/message_id.h"
#include "mta/queue/retry_schedule.h"

namespace toast::queue {

// Of every so many starts one is a deferred delivery's, when there is one.
inline constexpr unsigned kRetryShare = 8;
// Senders looked at to find one below its share, before the first in line is taken anyway.
inline constexpr std::size_t kSenderScan = 16;
// The clock going back by less than this changes nothing: nobody waits longer for it than this.
inline constexpr std::chrono::seconds kClockSlack{2};

struct Work {
  MessageId message;
  std::uint32_t recipient = 0;  // index in the envelope
  bool fresh = false;           // never tried before
  bool last = false;            // past the lifetime: a temporary failure is final
  friend bool operator==(const Work&, const Work&) = default;
};

// A recipient that was tried before, found at start.
struct Waiting {
  std::uint32_t recipient = 0;
  Moment next_attempt;
};

class Scheduler {
 public:
  struct Limits {
    std::uint32_t concurrency = 1;
    std::chrono::seconds lifetime{};
  };
  struct Counts {
    std::uint64_t messages = 0;
    std::uint64_t fresh = 0;     // recipients never tried, not in hand
    std::uint64_t deferred = 0;  // recipients waiting for another attempt
    std::uint64_t in_hand = 0;
  };

  explicit Scheduler(Limits limits) : limits_(limits) {}
  void set_limits(Limits limits) { limits_ = limits; }

  // A message to deliver. `sender` is whatever must not crowd out others (a hash of the reverse
  // path). Recipients in `fresh` and `waiting` are open, all others have ended.
  void add(MessageId id, Moment birth, std::uint64_t sender, std::span<const std::uint32_t> fresh,
           std::span<const Waiting> waiting);
  // The common case: recipients 0 .. recipients - 1, none of them tried.
  void add(MessageId id, Moment birth, std::uint64_t sender, std::uint32_t recipients);

  // The next unit to work on now; it is in hand until ended(), deferred() or given_back().
  std::optional<Work> next(Moment now);

  void ended(const Work& work);
  // Tried at `started` without a final result. Returns when it will be tried again.
  Moment deferred(const Work& work, Moment started);
  // Not tried after all (the process that should have done it went away): first in line again.
  void given_back(const Work& work);

  // When next() may have something although nothing is ready now. None: only an event can help.
  std::optional<Moment> next_due() const;
  bool has_free_slot() const { return counts_.in_hand < limits_.concurrency; }
  const Counts& counts() const { return counts_; }

 private:
  struct Message {
    MessageId id;
    Moment birth;
    std::uint32_t sender = 0;  // index into senders_
    std::uint32_t open = 0;    // recipients that have not ended
  };
  struct Range {  // recipients [next, end) of a message, none tried
    std::uint32_t message = 0;
    std::uint32_t next = 0;
    std::uint32_t end = 0;
  };
  struct Deferred {
    Moment due;
    std::uint32_t message = 0;
    std::uint32_t recipient = 0;
    friend auto operator<=>(const Deferred&, const Deferred&) = default;
  };
  static_assert(sizeof(Deferred) == 16);
  struct Sender {
    std::uint64_t key = 0;
    std::deque<Range> fresh;
    std::vector<Deferred> deferred;  // a heap, earliest first
    std::uint32_t in_hand = 0;
    std::uint32_t messages = 0;
    bool in_fresh_ring = false;
    bool in_retry_ring = false;
  };

  std::uint32_t message_slot(MessageId id) const { return slots_.at(id); }
  std::uint32_t sender_for(std::uint64_t key);
  std::uint32_t insert_message(MessageId id, Moment birth, std::uint64_t sender,
                               std::uint32_t open);
  void queue_fresh(std::uint32_t sender, Range range, bool in_front);
  void queue_deferred(std::uint32_t sender, Deferred item);
  void file_retries(std::uint32_t sender, Moment now);  // ring, set of wake-ups, or neither
  void observe(Moment now);
  void after_clock_went_back(Moment now);
  std::optional<std::uint32_t> take_turn(std::deque<std::uint32_t>& ring);
  Work start_fresh(std::uint32_t sender, Moment now);
  Work start_retry(std::uint32_t sender, Moment now);
  Work start(std::uint32_t slot, std::uint32_t recipient, bool fresh, Moment now);
  std::uint32_t release(const Work& work);  // frees the slot; returns the message's

  Limits limits_;
  Counts counts_;
  Moment newest_now_{Moment::min()};
  unsigned starts_until_retry_ = kRetryShare;
  std::vector<Message> messages_;
  std::vector<std::uint32_t> free_messages_;
  std::unordered_map<MessageId, std::uint32_t> slots_;
  std::vector<Sender> senders_;
  std::vector<std::uint32_t> free_senders_;
  std::unordered_map<std::uint64_t, std::uint32_t> sender_index_;
  std::deque<std::uint32_t> fresh_ring_;                 // senders with untried mail
  std::deque<std::uint32_t> retry_ring_;                 // senders with deferred mail that is due
  std::set<std::pair<Moment, std::uint32_t>> wake_ups_;  // the others with deferred mail
};

}  // namespace toast::queue
