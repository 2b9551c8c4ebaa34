#include "vdomain/usage_memory.h"

namespace toast::vdomain {

// Past the bound one without room costs a round through the queue, no more.
template <class Key>
void UsageMemory::remember(std::unordered_map<Key, Known>& known, const Key& key, Known news,
                           RoomState state) {
  if (state == RoomState::ample) {
    known.erase(key);
    return;
  }
  if (known.size() >= kMaxKnownMailboxes && !known.contains(key)) return;
  known.insert_or_assign(key, news);
}

void UsageMemory::report(const UsageReport& report) {
  remember(known_, report.mailbox,
           {clock_.steady(), report.quota, report.bytes, report.state == RoomState::full},
           report.state);
}

void UsageMemory::report(const DomainUsageReport& report) {
  remember(domains_, report.domain,
           {clock_.steady(), report.quota, report.bytes, report.state == RoomState::full},
           report.state);
}

bool UsageMemory::Known::has_room_for(std::uint64_t size_bytes) const {
  if (full) return false;
  return quota.bytes == 0 || (used < quota.bytes && size_bytes <= quota.bytes - used);
}

bool UsageMemory::is_full(const Address& mailbox, const Quota& quota, std::uint64_t size_bytes) {
  if (!quota.limited()) return false;
  if (quota.bytes != 0 && size_bytes > quota.bytes) return true;  // fits into no state of it
  auto found = known_.find(mailbox);
  if (found == known_.end()) return false;
  const Known& known = found->second;
  if (known.quota != quota || clock_.steady() - known.reported >= kFullnessMemory) {
    known_.erase(found);
    return false;
  }
  return !known.has_room_for(size_bytes);
}

// Under the quota that it was reported with: a changed one is reported anew soon.
bool UsageMemory::is_full(const Domain& domain, std::uint64_t size_bytes) {
  if (domains_.empty()) return false;
  auto found = domains_.find(domain);
  if (found == domains_.end()) return false;
  if (clock_.steady() - found->second.reported >= kFullnessMemory) {
    domains_.erase(found);
    return false;
  }
  return !found->second.has_room_for(size_bytes);
}

}  // namespace toast::vdomain
