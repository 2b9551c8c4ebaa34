// The recipients that wait for other hosts, by destination (mta/message/next_hop.h), and how many
// transactions each destination may have at a time. Part of the scheduler: a state machine, no
// clock, no socket. The rules:
//   - the first transaction with a destination goes alone. When it gets through, kOpenSlots may go
//     at a time, and one more after each success, up to the limit of the administrator;
//   - one that cannot reach the destination halves the number. At none the destination is *down*:
//     what waits for it stays where it is, and one transaction, the probe, is let through after a
//     pause that doubles from kFirstPause to kLongestPause until one succeeds. Each pause is up to
//     a quarter longer, by a hash of the destination and the number of the probe: what failed in
//     the same second is not probed in the same second;
//   - one that never got to speak to the destination (Contact::unknown) changes none of this; if it
//     was the probe, another is due after kUnclearPause;
//   - when a probe fails, what waits for the destination and is past its lifetime is handed out to
//     be given up: the probe was its last attempt;
//   - destinations take turns, in a destination senders take turns, and while others wait a sender
//     that holds its share of all transactions is passed over;
//   - fresh recipients go before those that were deferred, but one start in kRetryShare is theirs.
// A transaction carries recipients of one message, so it is not begun while others of the same
// message are still being routed and may have the same destination.
//
// Memory: 8 bytes for a recipient, some 120 for each pair of a destination and a sender that has
// mail for it, some 300 for a destination.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mta/queue/fifo.h"
#include "mta/queue/retry_schedule.h"

namespace toast::queue {

// Of every so many starts one is a deferred delivery's, when there is one.
inline constexpr unsigned kRetryShare = 8;
// Senders, or destinations, looked at to find one below its share, before the first in line is
// taken anyway.
inline constexpr std::size_t kTurnScan = 16;
// Destinations looked at for one that may begin: most in the ring may.
inline constexpr std::size_t kDestinationScan = 64;
inline constexpr std::uint32_t kOpenSlots = 4;
inline constexpr std::chrono::seconds kFirstPause{60};
inline constexpr std::chrono::seconds kLongestPause{3600};
inline constexpr int kPauseSpread = 4;  // a pause is longer by up to one part in so many
// The next probe after one that taught nothing: soon, but not at once, for whatever spoilt it may
// last.
inline constexpr std::chrono::seconds kUnclearPause{10};
// Recipients in one transaction: remote::kMaxTransactionRecipients.
inline constexpr std::size_t kMaxBatch = 100;

// The pause after the n-th probe in a row that failed, n from 1, without its spread.
std::chrono::seconds pause_after(unsigned failed_probes);
// From `pause` to pause + pause / kPauseSpread: the same each time for the same destination.
std::chrono::seconds spread(std::chrono::seconds pause, std::string_view destination, unsigned n);

// What a transaction taught about its destination.
enum class Contact : std::uint8_t {
  reached,      // a host of it let the transaction begin
  unreachable,  // none did
  unknown,      // it was not asked: remoted died, or the message could not be read
};

class Destinations {
 public:
  struct Limits {
    std::uint32_t concurrency = 200;     // transactions in all
    std::uint32_t per_destination = 20;  // and with one destination
  };
  struct Item {
    std::uint32_t message = 0;  // the scheduler's slot
    std::uint32_t recipient : 31 = 0;
    std::uint32_t fresh : 1 = 0;
  };
  static_assert(sizeof(Item) == 8);
  struct Batch {
    std::uint32_t destination = 0;
    std::uint32_t sender = 0;
    std::vector<Item> items;  // of one message
    bool given_up = false;    // not to be tried: the destination is down and their time is over
  };
  // What the scheduler knows and this does not.
  struct Messages {
    std::function<bool(std::uint32_t message)> is_routed;  // all of its recipients
    std::function<bool(std::uint32_t message, Moment now)> is_expired;
  };
  struct State {  // for people
    std::string name;
    std::uint64_t waiting = 0;
    std::uint32_t in_hand = 0;
    std::uint32_t limit = 0;
    bool down = false;
    bool paused = false;
    Moment probe_at{};
    std::string why;  // the last time it could not be reached
  };

  Destinations(Limits limits, Messages messages)
      : limits_(limits), messages_(std::move(messages)) {}
  void set_limits(Limits limits) { limits_ = limits; }

  // Returns its number, good until the last of its recipients has left and its transactions ended.
  std::uint32_t push(std::string_view name, std::uint32_t sender, Item item);
  // A recipient that was in a batch, first in line again.
  void push_back(std::uint32_t destination, std::uint32_t sender, Item item);

  std::optional<Batch> take(Moment now);
  // Every batch, once; its recipients have left or were pushed back before.
  void ended(const Batch& batch, Contact contact, std::string_view why, Moment now);

  const std::string& name(std::uint32_t destination) const { return all_[destination].name; }
  const std::string& why_down(std::uint32_t destination) const { return all_[destination].why; }
  // When take() may have something that it has not now, without any event.
  std::optional<Moment> next_due() const;
  void after_clock_went_back(Moment now);
  // The operator: try it now, whatever was learned. False: no such destination.
  bool flush(std::string_view name, Moment now);
  void pause(std::string_view name);
  bool resume(std::string_view name);
  const std::set<std::string, std::less<>>& paused() const { return paused_; }
  // Takes out the recipients of messages for which `gone`. Returns how many.
  std::uint64_t remove_if(const std::function<bool(std::uint32_t message)>& gone);
  std::vector<State> states() const;
  std::optional<State> find(const std::string& name) const;

  std::uint64_t waiting() const { return waiting_; }
  std::uint32_t in_hand() const { return in_hand_; }

 private:
  // Per sender first in first out; senders take turns.
  struct Turns {
    std::unordered_map<std::uint32_t, Fifo<Item>> lines;
    Fifo<std::uint32_t> ring;
    bool empty() const { return ring.empty(); }
  };
  struct Destination {
    std::string name;
    Turns fresh, retry;
    std::vector<Item> expired;  // given up; senders in expired_senders
    std::vector<std::uint32_t> expired_senders;
    std::uint64_t waiting = 0;
    std::uint32_t limit = 1;
    std::uint32_t in_hand = 0;
    unsigned starts_until_retry = kRetryShare;
    unsigned failed_probes = 0;  // in a row; not zero: it is down
    Moment probe_at{};
    bool in_ring = false;
    bool has_wake_up = false;
    bool paused = false;
    bool used = false;
    std::string why;
    bool down() const { return failed_probes > 0; }
  };

  static void push_turn(Turns& turns, std::uint32_t sender, Item item, bool in_front);
  void offer(std::uint32_t index, Moment now);  // into the ring, if it may begin something
  bool may_begin(const Destination& d, Moment now) const;
  State state_of(const Destination& d) const;
  std::optional<Batch> begin(std::uint32_t index, bool within_share);
  std::optional<Batch> begin_from(std::uint32_t index, Turns& turns, bool within_share);
  Batch give_up(std::uint32_t index);
  void learn(std::uint32_t index, Contact contact, std::string_view why, Moment now);
  static Moment next_probe(const Destination& d, std::chrono::seconds pause, Moment now) {
    return now + spread(pause, d.name, d.failed_probes);
  }
  void close(std::uint32_t index, std::string_view why, Moment now);
  void collect_expired(Destination& d, Turns& turns, Moment now);
  void set_wake_up(std::uint32_t index);
  void clear_wake_up(std::uint32_t index);
  void forget_if_idle(std::uint32_t index);
  std::uint32_t share() const;
  std::uint32_t load(std::uint32_t sender) const;

  Limits limits_;
  Messages messages_;
  std::vector<Destination> all_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string, std::uint32_t> index_;
  std::deque<std::uint32_t> ring_;                       // may begin something, probably
  std::set<std::pair<Moment, std::uint32_t>> wake_ups_;  // down, with mail waiting or remembered
  std::set<std::string, std::less<>> paused_;
  std::unordered_map<std::uint32_t, std::uint32_t> loads_;            // transactions by sender
  std::unordered_map<std::uint32_t, std::uint64_t> waiting_senders_;  // recipients by sender
  std::uint64_t waiting_ = 0;
  std::uint32_t in_hand_ = 0;
};

}  // namespace toast::queue
