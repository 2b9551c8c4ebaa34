// Sees to it that domains with a quota are measured (domain_sums.h): learns from the directory
// which they are, adds up the ledgers of a domain's mailboxes when mail for it comes, and warns its
// postmaster. Nothing is done, and nothing asked but now and then, for domains without a quota.
//
// While the directory cannot be asked what is known goes on; of a domain that was never summed the
// quota does not hold, its mailboxes' own do: mail is not kept waiting for arithmetic.
#pragma once

#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>

#include "base/async.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "vdomain/maildir/domain_sums.h"
#include "vdomain/maildir/quota_warning.h"
#include "vdomain/quota_messages.h"
#include "vdomain/resolver_messages.h"

namespace toast::maildir {

// A quota that is set, changed or lifted holds after this long.
inline constexpr std::chrono::seconds kLearnQuotasEvery{10};
// For a sum that is being made; then the message is delivered without it.
inline constexpr std::chrono::seconds kSumPatience{2};

// What is asked of the keeper of the directory. Any Error: it cannot be asked now.
class QuotaDirectory {
 public:
  virtual ~QuotaDirectory() = default;
  virtual Task<Result<vdomain::FindQuotaDomains::Reply>> domains(
      vdomain::FindQuotaDomains question) = 0;
  virtual Task<Result<vdomain::FindQuotaHolders::Reply>> holders(
      vdomain::FindQuotaHolders question) = 0;
  virtual Task<Result<vdomain::Resolve::Reply>> resolve(vdomain::Resolve question) = 0;
  virtual void report(vdomain::DomainUsageReport report) = 0;
};

class IpcQuotaDirectory final : public QuotaDirectory {
 public:
  explicit IpcQuotaDirectory(ipc::Link& link) : link_(link) {}
  Task<Result<vdomain::FindQuotaDomains::Reply>> domains(
      vdomain::FindQuotaDomains question) override {
    co_return co_await link_.call(std::move(question));
  }
  Task<Result<vdomain::FindQuotaHolders::Reply>> holders(
      vdomain::FindQuotaHolders question) override {
    co_return co_await link_.call(std::move(question));
  }
  Task<Result<vdomain::Resolve::Reply>> resolve(vdomain::Resolve question) override {
    co_return co_await link_.call(std::move(question));
  }
  void report(vdomain::DomainUsageReport report) override { link_.notify(std::move(report)); }

 private:
  ipc::Link& link_;
};

class DomainMeter {
 public:
  struct Services {
    asio::any_io_executor executor;
    MailStore& store;
    QuotaWarnings& warnings;
    const Clock& clock;
    Logger& log;
    Counter sums;
    std::atomic<std::size_t>& in_hand;  // warnings that are not delivered yet
  };
  DomainMeter(Services services, DomainSums& sums);
  // `alive`: who owns this and what it was given.
  void start(std::shared_ptr<QuotaDirectory> directory, std::weak_ptr<void> alive);
  // Before a message of `bytes` is delivered in `domain`.
  Task<> prepare(Domain domain, std::uint64_t bytes);

 private:
  static Task<> learn_quotas(DomainMeter& self, std::weak_ptr<void> alive);
  Task<bool> learn_once();
  static Task<> sum(DomainMeter& self, std::shared_ptr<void> alive, Domain domain);
  Task<Result<Usage>> add_up(Domain domain);
  Result<Usage> read_ledgers(const vdomain::FindQuotaHolders::Reply& page);
  static Task<> warn(DomainMeter& self, std::shared_ptr<void> alive, Domain domain,
                     unsigned percent, vdomain::Quota quota, Usage used);
  void report(const Domain& domain, vdomain::RoomState state, const vdomain::Quota& quota,
              Usage used);

  Services services_;
  DomainSums& sums_;
  Ledger ledger_;
  std::shared_ptr<QuotaDirectory> directory_;
  std::weak_ptr<void> alive_;
  bool unknown_logged_ = false;
  std::set<asio::steady_timer*> waiting_;  // for a sum
  asio::thread_pool thread_{1};            // sums, one after the other
};

}  // namespace toast::maildir
