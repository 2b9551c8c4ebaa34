#include "vdomain/maildir/domain_sums.h"

#include <algorithm>
#include <utility>

#include "vdomain/maildir/quota_gate.h"

namespace toast::maildir {

using vdomain::RoomState;

namespace {

constexpr std::int64_t kPartOfDomainsRest = 8;

Usage plus(const Usage& a, const Usage& b) {
  return {saturated_add(a.bytes, b.bytes), saturated_add(a.messages, b.messages)};
}

// Ledgers may be behind: what was removed was perhaps never counted.
Usage not_negative(const Usage& usage) {
  return {std::max<std::int64_t>(0, usage.bytes), std::max<std::int64_t>(0, usage.messages)};
}

}  // namespace

void DomainSums::set_percentages(std::vector<unsigned> percentages) {
  const std::lock_guard lock(mutex_);
  percentages_ = std::move(percentages);
}

void DomainSums::set_quotas(std::map<Domain, vdomain::Quota> quotas) {
  std::vector<std::function<void()>> all_news;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = sums_.begin(); at != sums_.end();) {
      if (quotas.contains(at->first)) {
        ++at;
        continue;
      }
      if (at->second.state != RoomState::ample && report_)
        all_news.emplace_back([this, domain = at->first] {
          report_(domain, RoomState::ample, vdomain::Quota{}, Usage{});
        });
      at = sums_.erase(at);
    }
    for (const auto& [domain, quota] : quotas) {
      Sum& sum = sums_[domain];
      const bool changed = sum.quota != quota;
      sum.quota = quota;
      if (sum.known && (changed || sum.state != RoomState::ample))
        all_news.push_back(news(domain, sum, changed ? Why::quota : Why::used));
    }
    none_ = sums_.empty();
  }
  for (const auto& tell : all_news)
    if (tell) tell();
}

bool DomainSums::is_old(const Sum& sum) const {
  const bool full = sum.state == RoomState::full;
  const auto age = std::max<std::chrono::steady_clock::duration>(full ? kFullSumAge : kSumAge,
                                                                 kSumCost * sum.took);
  return clock_.steady() - sum.made >= age;
}

DomainSums::Need DomainSums::need(const Domain& domain, std::uint64_t bytes) const {
  const std::lock_guard lock(mutex_);
  const auto found = sums_.find(domain);
  if (found == sums_.end()) return Need::nothing;
  const Sum& sum = found->second;
  if (!sum.known) return Need::now;
  if (!is_old(sum)) return Need::nothing;
  return fits(sum.quota, plus(sum.used, sum.reserved), bytes) ? Need::later : Need::now;
}

bool DomainSums::begin(const Domain& domain) {
  const std::lock_guard lock(mutex_);
  const auto found = sums_.find(domain);
  if (found == sums_.end() || found->second.summing) return false;
  found->second.summing = true;
  found->second.meanwhile = {};
  found->second.began = clock_.steady();
  return true;
}

void DomainSums::end(const Domain& domain, Usage sum) {
  std::function<void()> tell;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sums_.find(domain);
    if (found == sums_.end()) return;  // its quota was lifted meanwhile
    Sum& kept = found->second;
    kept.summing = false;
    kept.known = true;
    kept.used = not_negative(plus(sum, kept.meanwhile));
    kept.made = clock_.steady();
    kept.took = kept.made - kept.began;
    tell = news(domain, kept);
  }
  if (tell) tell();
}

// What was known stays; the next try waits as long as after a sum.
void DomainSums::abandon(const Domain& domain) {
  const std::lock_guard lock(mutex_);
  const auto found = sums_.find(domain);
  if (found == sums_.end()) return;
  found->second.summing = false;
  found->second.made = clock_.steady();
}

bool DomainSums::is_summing(const Domain& domain) const {
  const std::lock_guard lock(mutex_);
  const auto found = sums_.find(domain);
  return found != sums_.end() && found->second.summing;
}

std::vector<Domain> DomainSums::to_sum_again() const {
  std::vector<Domain> domains;
  const std::lock_guard lock(mutex_);
  for (const auto& [domain, sum] : sums_)
    if (sum.known && !sum.summing && sum.state != RoomState::ample && is_old(sum))
      domains.push_back(domain);
  return domains;
}

bool DomainSums::reserve(const Domain& domain, std::uint64_t bytes, bool& taken) {
  taken = false;
  std::function<void()> tell;
  std::function<void()> warn;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sums_.find(domain);
    if (found == sums_.end() || !found->second.known) return true;
    Sum& sum = found->second;
    if (fits(sum.quota, plus(sum.used, sum.reserved), bytes)) {
      sum.reserved = plus(sum.reserved, {static_cast<std::int64_t>(bytes), 1});
      taken = true;
      return true;
    }
    tell = news(domain, sum, Why::refusal);
    if (crossed_ && percentages_end_at(100))
      warn = [this, domain, quota = sum.quota, used = sum.used] {
        crossed_(domain, 100, quota, used);
      };
  }
  if (tell) tell();
  if (warn) warn();
  return false;
}

bool DomainSums::percentages_end_at(unsigned percent) const {
  return !percentages_.empty() && percentages_.back() == percent;
}

void DomainSums::release(const Domain& domain, Usage room) {
  const std::lock_guard lock(mutex_);
  const auto found = sums_.find(domain);
  if (found == sums_.end()) return;
  // Less was taken of a sum that was forgotten and begun anew.
  found->second.reserved =
      not_negative(plus(found->second.reserved, {-room.bytes, -room.messages}));
}

void DomainSums::add(const Domain& domain, Usage change) {
  if (none()) return;
  std::function<void()> tell;
  std::function<void()> warn;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sums_.find(domain);
    if (found == sums_.end()) return;
    Sum& sum = found->second;
    if (sum.summing) sum.meanwhile = plus(sum.meanwhile, change);
    if (!sum.known) return;
    const Usage before = sum.used;
    sum.used = not_negative(plus(sum.used, change));
    tell = news(domain, sum);
    warn = crossing(domain, sum, before);
  }
  if (tell) tell();
  if (warn) warn();
}

std::optional<Usage> DomainSums::used(const Domain& domain) const {
  const std::lock_guard lock(mutex_);
  const auto found = sums_.find(domain);
  if (found == sums_.end() || !found->second.known) return std::nullopt;
  return found->second.used;
}

std::function<void()> DomainSums::crossing(const Domain& domain, const Sum& sum,
                                           const Usage& before) const {
  const unsigned highest =
      highest_crossed(percentages_, percent_of(sum.quota, before), percent_of(sum.quota, sum.used));
  if (highest == 0 || !crossed_) return {};
  return [this, domain, highest, quota = sum.quota, used = sum.used] {
    crossed_(domain, highest, quota, used);
  };
}

// As QuotaGate::note() does for a mailbox.
std::function<void()> DomainSums::news(const Domain& domain, Sum& sum, Why why) {
  const bool remind = why == Why::refusal;
  const RoomState state = is_full(sum.quota, sum.used) ? RoomState::full
                          : fits(sum.quota, sum.used, kRoomForAnyMail) && !remind
                              ? RoomState::ample
                              : RoomState::tight;
  const auto limit = static_cast<std::int64_t>(sum.quota.bytes);
  const std::int64_t rest = std::max<std::int64_t>(0, limit - sum.said_used);
  const bool is_news = state != sum.state ||
                       (state != RoomState::ample &&
                        (why != Why::used || clock_.steady() - sum.said >= kRemindOfDomainAfter ||
                         (state == RoomState::tight &&
                          (sum.used.bytes < sum.said_used ||
                           sum.used.bytes - sum.said_used > rest / kPartOfDomainsRest))));
  if (!is_news) return {};
  sum.state = state;
  sum.said_used = sum.used.bytes;
  sum.said = clock_.steady();
  if (!report_) return {};
  return [this, domain, state, quota = sum.quota, used = sum.used] {
    report_(domain, state, quota, used);
  };
}

}  // namespace toast::maildir
