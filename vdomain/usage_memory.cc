#include "vdomain/usage_memory.h"

namespace toast::vdomain {

void UsageMemory::report(const UsageReport& report) {
  if (report.state == RoomState::ample) {
    known_.erase(report.mailbox);
    return;
  }
  // Past the bound a mailbox without room costs a round through the queue, no more.
  if (known_.size() >= kMaxKnownMailboxes && !known_.contains(report.mailbox)) return;
  known_.insert_or_assign(report.mailbox, Known{clock_.steady(), report.quota, report.bytes,
                                                report.state == RoomState::full});
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
  if (known.full) return true;
  return quota.bytes != 0 && (known.used >= quota.bytes || size_bytes > quota.bytes - known.used);
}

}  // namespace toast::vdomain
