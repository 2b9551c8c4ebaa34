// What the mailboxes of a domain use together, for the domains that have a quota over all of them.
// Only memory: the truth is the mailboxes' ledgers (maildirsize.h). A sum of them is made when mail
// for the domain comes (maild.cc), kept up to date with what is delivered and deleted here, and
// made anew now and then, because IMAP's users move and delete as well.
//
// It is right but for what others have done since the sum was made (kSumAge, longer where a sum
// takes long), and it counts twice what was delivered while it was made, until the next.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "mta/message/domain.h"
#include "vdomain/maildir/maildirsize.h"
#include "vdomain/usage_messages.h"

namespace toast::maildir {

inline constexpr std::chrono::seconds kSumAge{60};
// A sum that takes long is made less often: reading ledgers is to be a small part of the work.
inline constexpr int kSumCost = 50;
// Of a domain that is full: somebody may have made room.
inline constexpr std::chrono::seconds kFullSumAge{10};
inline constexpr std::chrono::minutes kRemindOfDomainAfter{10};  // see kRemindAfter

class DomainSums {
 public:
  // Called on any thread, as QuotaGate's.
  using Report = std::function<void(const Domain& domain, vdomain::RoomState state,
                                    const vdomain::Quota& quota, Usage used)>;
  using Crossed = std::function<void(const Domain& domain, unsigned percent,
                                     const vdomain::Quota& quota, Usage used)>;
  explicit DomainSums(const Clock& clock) : clock_(clock) {}
  void on_report(Report report) { report_ = std::move(report); }
  void on_crossed(Crossed crossed) { crossed_ = std::move(crossed); }
  void set_percentages(std::vector<unsigned> percentages);

  // All the domains that have a quota. What is known of others is forgotten.
  void set_quotas(std::map<Domain, vdomain::Quota> quotas);
  // No domain has a quota: nothing has to be asked here.
  bool none() const { return none_.load(std::memory_order_relaxed); }

  enum class Need : unsigned char {
    nothing,  // no quota, or the sum is good
    later,    // the sum is old, and good enough for this message
    now,      // there is none, or an old one has no room for this message
  };
  Need need(const Domain& domain, std::uint64_t bytes) const;
  // Begins a sum; false: it is being made already, or there is no quota.
  bool begin(const Domain& domain);
  void end(const Domain& domain, Usage sum);
  void abandon(const Domain& domain);
  bool is_summing(const Domain& domain) const;
  // Those that are full or short of room, whose sum is old.
  std::vector<Domain> to_sum_again() const;

  // Takes room for a message; false: there is none. Nothing is taken and true returned where there
  // is no quota, or no sum yet; then `taken` stays false.
  [[nodiscard]] bool reserve(const Domain& domain, std::uint64_t bytes, bool& taken);
  void release(const Domain& domain, Usage room);
  // A mailbox of the domain has changed.
  void add(const Domain& domain, Usage change);
  std::optional<Usage> used(const Domain& domain) const;  // where there is a sum

 private:
  struct Sum {
    vdomain::Quota quota;
    bool known = false;
    Usage used;
    Usage reserved;
    bool summing = false;
    Usage meanwhile;  // changes while it is being summed
    SteadyTime began{};
    SteadyTime made{};
    std::chrono::steady_clock::duration took{};
    // What was said of it.
    vdomain::RoomState state = vdomain::RoomState::ample;
    std::int64_t said_used = 0;
    SteadyTime said{};
  };
  bool is_old(const Sum& sum) const;
  // What is to be said of it now, if anything.
  enum class Why : unsigned char { used, quota, refusal };  // what has changed
  std::function<void()> news(const Domain& domain, Sum& sum, Why why = Why::used);
  std::function<void()> crossing(const Domain& domain, const Sum& sum, const Usage& before) const;
  bool percentages_end_at(unsigned percent) const;

  const Clock& clock_;
  Report report_;
  Crossed crossed_;
  std::atomic<bool> none_{true};
  mutable std::mutex mutex_;
  std::vector<unsigned> percentages_;
  std::unordered_map<Domain, Sum> sums_;
};

}  // namespace toast::maildir
