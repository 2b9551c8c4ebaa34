#include "vdomain/usage_memory.h"

namespace toast::vdomain {

void UsageMemory::report(const UsageReport& report) {
  if (!report.over_quota) {
    full_.erase(report.mailbox);
    return;
  }
  // Past the bound a full mailbox costs a round through the queue, no more.
  if (full_.size() >= kMaxFullMailboxes && !full_.contains(report.mailbox)) return;
  full_.insert_or_assign(report.mailbox, Full{clock_.steady(), std::nullopt});
}

bool UsageMemory::is_full(const Address& mailbox, const Quota& quota, std::uint64_t size_bytes) {
  if (!quota.limited()) return false;
  if (quota.bytes != 0 && size_bytes > quota.bytes) return true;  // fits into no state of it
  auto found = full_.find(mailbox);
  if (found == full_.end()) return false;
  Full& full = found->second;
  if (!full.quota) full.quota = quota;
  if (full.quota == quota && clock_.steady() - full.reported < kFullnessMemory) return true;
  full_.erase(found);
  return false;
}

}  // namespace toast::vdomain
