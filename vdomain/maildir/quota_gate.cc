#include "vdomain/maildir/quota_gate.h"

#include <algorithm>
#include <utility>

namespace toast::maildir {

bool is_full(const vdomain::Quota& quota, const Usage& used) {
  const std::uint64_t room = std::min(kRoomForMail, quota.bytes / 16);
  return !fits(quota, used, std::max<std::uint64_t>(1, room));
}

unsigned percent_of(const vdomain::Quota& quota, const Usage& used) {
  const auto share = [](std::uint64_t limit, std::int64_t is) -> unsigned {
    if (limit == 0 || is <= 0) return 0;
    const double ratio = static_cast<double>(is) / static_cast<double>(limit);
    return ratio >= 1 ? 100 : static_cast<unsigned>(100 * ratio);
  };
  return std::max(share(quota.bytes, used.bytes), share(quota.messages, used.messages));
}

namespace {

constexpr unsigned kRefusing = 100;
constexpr std::int64_t kPartOfRest = 8;

}  // namespace

unsigned highest_crossed(const std::vector<unsigned>& percentages, unsigned from, unsigned to) {
  unsigned highest = 0;
  for (const unsigned percent : percentages)
    if (percent != kRefusing && from < percent && percent <= to) highest = percent;
  return highest;
}

QuotaGate::QuotaGate(FileSystem& files, const Clock& clock, Report report)
    : clock_(clock), ledger_(files, clock), report_(std::move(report)) {}

QuotaGate::Reservation::Reservation(Reservation&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)),
      maildir_(std::move(other.maildir_)),
      room_(other.room_),
      used_then_(other.used_then_),
      domain_(std::exchange(other.domain_, std::nullopt)) {}

QuotaGate::Reservation& QuotaGate::Reservation::operator=(Reservation&& other) noexcept {
  if (this != &other) {
    release();
    gate_ = std::exchange(other.gate_, nullptr);
    maildir_ = std::move(other.maildir_);
    room_ = other.room_;
    used_then_ = other.used_then_;
    domain_ = std::exchange(other.domain_, std::nullopt);
  }
  return *this;
}

QuotaGate::Reservation::~Reservation() { release(); }

void QuotaGate::Reservation::release() {
  if (gate_ == nullptr) return;
  if (domain_) gate_->domains_->release(*domain_, room_);
  domain_.reset();
  const std::lock_guard lock(gate_->mutex_);
  const auto found = gate_->reserved_.find(maildir_);
  if (found != gate_->reserved_.end()) {
    found->second.bytes -= room_.bytes;
    found->second.messages -= room_.messages;
    if (found->second.messages == 0) gate_->reserved_.erase(found);
  }
  gate_ = nullptr;
}

Usage QuotaGate::reserved_for(const std::string& maildir) const {
  const auto found = reserved_.find(maildir);
  return found == reserved_.end() ? Usage{} : found->second;
}

Result<QuotaGate::Reservation> QuotaGate::reserve(const Fd& maildir, const QuotaHolder& holder,
                                                  std::uint64_t bytes) {
  Reservation reservation;
  if (!holder.quota.limited()) return reservation;
  Result<Ledger::Reading> reading = ledger_.read(maildir, holder.quota);
  if (!reading) return pass(reading);
  Usage used = reading->usage;
  if (!fits(holder.quota, used, bytes) && !reading->fresh) {
    Result<Usage> counted = ledger_.recount(maildir, holder.quota);
    if (!counted) return pass(counted);
    used = *counted;
  }
  const std::string& key = holder.maildir.str();
  bool accepted = false;
  {
    const std::lock_guard lock(mutex_);
    const Usage coming = reserved_for(key);
    const Usage total{saturated_add(used.bytes, coming.bytes),
                      saturated_add(used.messages, coming.messages)};
    accepted = fits(holder.quota, total, bytes);
    if (accepted) {
      reservation.gate_ = this;
      reservation.maildir_ = key;
      reservation.room_ = {static_cast<std::int64_t>(bytes), 1};
      reservation.used_then_ = {saturated_add(total.bytes, reservation.room_.bytes),
                                saturated_add(total.messages, 1)};
      Usage& reserved = reserved_[key];
      reserved.bytes = saturated_add(reserved.bytes, reservation.room_.bytes);
      ++reserved.messages;
    }
  }
  note(holder, used, !accepted);
  if (!accepted) tell_refused(holder, used);
  if (!accepted)
    return transient("mailbox " + holder.mailbox.str() +
                         " is over quota: " + std::to_string(used.bytes) + " bytes and " +
                         std::to_string(used.messages) + " messages of " +
                         format_quota(holder.quota) + ", message of " + std::to_string(bytes),
                     "4.2.2 mailbox is over quota");
  if (domains_ == nullptr || domains_->none()) return reservation;
  bool taken = false;
  const Domain& domain = holder.mailbox.domain();
  if (!domains_->reserve(domain, bytes, taken))
    return transient("domain " + domain.str() + " is over quota, message of " +
                         std::to_string(bytes) + " for " + holder.mailbox.str(),
                     "4.2.2 the domain is over quota");
  if (taken) reservation.domain_ = domain;
  return reservation;
}

void QuotaGate::published(const Fd& maildir, const QuotaHolder& holder,
                          const Reservation& reservation) {
  if (!reservation) return;
  ledger_.add(maildir, reservation.room_);
  change_domain(holder, reservation.room_);
  note(holder, reservation.used_then_);
  const Usage& after = reservation.used_then_;
  tell_crossed(holder,
               {after.bytes - reservation.room_.bytes, after.messages - reservation.room_.messages},
               after);
}

void QuotaGate::set_percentages(std::vector<unsigned> percentages) {
  const std::lock_guard lock(mutex_);
  percentages_ = std::move(percentages);
}

void QuotaGate::tell_crossed(const QuotaHolder& holder, const Usage& before, const Usage& after) {
  const unsigned from = percent_of(holder.quota, before);
  const unsigned to = percent_of(holder.quota, after);
  unsigned highest = 0;
  {
    const std::lock_guard lock(mutex_);
    highest = highest_crossed(percentages_, from, to);
  }
  if (highest != 0 && crossed_) crossed_(holder, highest, after);
}

void QuotaGate::tell_refused(const QuotaHolder& holder, const Usage& used) {
  {
    const std::lock_guard lock(mutex_);
    if (percentages_.empty() || percentages_.back() != kRefusing) return;
  }
  if (crossed_) crossed_(holder, kRefusing, used);
}

void QuotaGate::change_domain(const QuotaHolder& holder, Usage change) {
  if (domains_ != nullptr) domains_->add(holder.mailbox.domain(), change);
}

void QuotaGate::added(const Fd& maildir, const QuotaHolder& holder, Usage change) {
  if (!holder.quota.limited()) return;
  ledger_.add(maildir, change);
  change_domain(holder, change);
  look_again(maildir, holder);
}

void QuotaGate::removed(const Fd& maildir, const QuotaHolder& holder, Usage removed) {
  if (!holder.quota.limited()) return;
  ledger_.add(maildir, {-removed.bytes, -removed.messages});
  change_domain(holder, {-removed.bytes, -removed.messages});
  look_again(maildir, holder);
}

void QuotaGate::count_anew(const Fd& maildir, const QuotaHolder& holder) {
  if (!holder.quota.limited()) return;
  const Result<Usage> counted = ledger_.recount(maildir, holder.quota);
  if (counted) note(holder, *counted);
}

void QuotaGate::look_again(const Fd& maildir, const QuotaHolder& holder) {
  const Result<Ledger::Reading> reading = ledger_.read(maildir, holder.quota);
  if (reading) note(holder, reading->usage);
}

std::vector<QuotaHolder> QuotaGate::to_look_at() {
  constexpr std::size_t kShortOfRoom = 100;  // at once: 0.1 s of reading ledgers
  std::vector<QuotaHolder> holders;
  const std::lock_guard lock(mutex_);
  auto next = watched_.find(looked_at_);
  if (next != watched_.end()) ++next;
  for (std::size_t seen = 0, left = kShortOfRoom; seen < watched_.size() && left > 0; ++seen) {
    if (next == watched_.end()) next = watched_.begin();
    if (!next->second.full) {
      holders.push_back(next->second.holder);
      looked_at_ = next->first;
      --left;
    }
    ++next;
  }
  for (const auto& [path, watched] : watched_)
    if (watched.full) holders.push_back(watched.holder);
  return holders;
}

void QuotaGate::note(const QuotaHolder& holder, const Usage& usage, bool remind) {
  using vdomain::RoomState;
  const bool full = is_full(holder.quota, usage);
  const bool tight = full || remind || !fits(holder.quota, usage, kRoomForAnyMail);
  {
    const std::lock_guard lock(mutex_);
    const auto found = watched_.find(holder.maildir.str());
    const bool known = found != watched_.end();
    if (!tight && !known) return;
    if (!tight) {
      watched_.erase(found);
    } else if (!known) {
      if (watched_.size() >= kMaxFullMailboxes) return;
      watched_.emplace(holder.maildir.str(), Watched{holder, full, usage.bytes, clock_.steady()});
    } else {
      Watched& watched = found->second;
      // Room that was made is said at once; that some went, when it is a good part of the rest.
      const auto limit = static_cast<std::int64_t>(holder.quota.bytes);
      const std::int64_t rest = std::max<std::int64_t>(0, limit - watched.used);
      const bool changed = watched.full != full || watched.holder.quota != holder.quota ||
                           clock_.steady() - watched.reported >= kRemindAfter ||
                           (!full && (usage.bytes < watched.used ||
                                      usage.bytes - watched.used > rest / kPartOfRest));
      if (!changed && !remind) return;
      watched = Watched{holder, full, usage.bytes, clock_.steady()};
    }
  }
  const RoomState state = full ? RoomState::full : tight ? RoomState::tight : RoomState::ample;
  if (report_) report_(holder, state, usage);
}

}  // namespace toast::maildir
