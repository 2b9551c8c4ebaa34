// Which mailboxes are full or nearly so, as the keeper of the mail reported it. Only memory: after
// a restart the reports come again with the next deliveries.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "vdomain/instruction.h"
#include "vdomain/usage_messages.h"

namespace toast::vdomain {

// A full mailbox is believed to be full this long without news. Then one message is let through,
// and the keeper of the mail looks for itself.
inline constexpr std::chrono::minutes kFullnessMemory{15};
inline constexpr std::size_t kMaxKnownMailboxes = 100'000;

class UsageMemory {
 public:
  explicit UsageMemory(const Clock& clock) : clock_(clock) {}
  void report(const UsageReport& report);
  // Would a message of `size_bytes` (0: not told) be too much for the mailbox?
  bool is_full(const Address& mailbox, const Quota& quota, std::uint64_t size_bytes);
  // The same for all mailboxes of a domain together.
  void report(const DomainUsageReport& report);
  bool is_full(const Domain& domain, std::uint64_t size_bytes);
  std::size_t known_mailboxes() const { return known_.size(); }

 private:
  struct Known {
    SteadyTime reported;
    Quota quota;
    std::uint64_t used;  // bytes
    bool full;
    bool has_room_for(std::uint64_t size_bytes) const;
  };
  template <class Key>
  void remember(std::unordered_map<Key, Known>& known, const Key& key, Known news, RoomState state);
  const Clock& clock_;
  std::unordered_map<Address, Known> known_;
  std::unordered_map<Domain, Known> domains_;
};

}  // namespace toast::vdomain
