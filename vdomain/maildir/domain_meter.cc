#include "vdomain/maildir/domain_meter.h"

#include <algorithm>
#include <map>

namespace toast::maildir {

DomainMeter::DomainMeter(Services services, DomainSums& sums)
    : services_(std::move(services)),
      sums_(sums),
      ledger_(services_.store.files(), services_.clock) {}

void DomainMeter::start(std::shared_ptr<QuotaDirectory> directory, std::weak_ptr<void> alive) {
  directory_ = std::move(directory);
  alive_ = alive;
  sums_.on_report([this](const Domain& domain, vdomain::RoomState state,
                         const vdomain::Quota& quota,
                         Usage used) { report(domain, state, quota, used); });
  sums_.on_crossed(
      [this](const Domain& domain, unsigned percent, const vdomain::Quota& quota, Usage used) {
        std::shared_ptr<void> self = alive_.lock();
        if (!self) return;
        ++services_.in_hand;
        spawn(services_.executor, warn(*this, std::move(self), domain, percent, quota, used));
      });
  spawn(services_.executor, learn_quotas(*this, std::move(alive)));
}

// On any thread.
void DomainMeter::report(const Domain& domain, vdomain::RoomState state,
                         const vdomain::Quota& quota, Usage used) {
  vdomain::DomainUsageReport report{domain};
  report.state = state;
  report.quota = quota;
  report.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, used.bytes));
  asio::post(services_.executor, [to = directory_, report = std::move(report)]() mutable {
    to->report(std::move(report));
  });
}

// ---- which domains have a quota

Task<> DomainMeter::learn_quotas(DomainMeter& meter, std::weak_ptr<void> alive) {
  asio::steady_timer timer(meter.services_.executor);
  std::chrono::seconds wait{0};
  for (;;) {
    timer.expires_after(wait);
    auto [failed] = co_await timer.async_wait(no_throw);
    const std::shared_ptr<void> self = alive.lock();
    if (failed || !self) co_return;
    // At the start vdomaind may not be there yet.
    const bool known = co_await meter.learn_once();
    wait = known ? kLearnQuotasEvery : std::chrono::seconds{1};
    if (!known) continue;
    for (const Domain& domain : meter.sums_.to_sum_again()) {
      Domain next = domain;
      if (meter.sums_.begin(domain)) co_await sum(meter, self, std::move(next));
    }
  }
}

Task<bool> DomainMeter::learn_once() {
  std::map<Domain, vdomain::Quota> quotas;
  std::string after;
  for (;;) {
    vdomain::FindQuotaDomains question{after};
    Result<vdomain::FindQuotaDomains::Reply> page =
        co_await directory_->domains(std::move(question));
    if (!page) {
      if (!unknown_logged_)
        services_.log.warning("maild.quotas.unknown", {{"reason", page.error().detail}});
      unknown_logged_ = true;
      co_return false;
    }
    for (vdomain::DomainQuota& one : page->domains) {
      after = one.name.str();
      quotas.insert_or_assign(std::move(one.name), one.quota);
    }
    if (page->domains.size() < vdomain::kQuotaPage) break;
  }
  unknown_logged_ = false;
  sums_.set_quotas(std::move(quotas));
  co_return true;
}

// ---- sums

Task<> DomainMeter::prepare(Domain domain, std::uint64_t bytes) {
  using Need = DomainSums::Need;
  if (sums_.none()) co_return;
  const Need need = sums_.need(domain, bytes);
  if (need == Need::nothing) co_return;
  if (sums_.begin(domain)) {
    std::shared_ptr<void> self = alive_.lock();
    if (!self) co_return;
    spawn(services_.executor, sum(*this, std::move(self), domain));
  }
  if (need == Need::later) co_return;
  asio::steady_timer timer(services_.executor, kSumPatience);
  waiting_.insert(&timer);
  while (sums_.is_summing(domain)) {
    auto [woken] = co_await timer.async_wait(no_throw);
    if (!woken) break;  // it takes too long
  }
  waiting_.erase(&timer);
}

Task<> DomainMeter::sum(DomainMeter& meter, std::shared_ptr<void> alive, Domain domain) {
  Result<Usage> total = co_await meter.add_up(domain);
  if (total) {
    meter.services_.sums.add();
    meter.sums_.end(domain, *total);
  } else {
    meter.services_.log.warning("maild.domain.unmeasured",
                                {{"domain", domain.str()}, {"reason", total.error().detail}});
    meter.sums_.abandon(domain);
  }
  for (asio::steady_timer* timer : meter.waiting_) timer->cancel();
}

Task<Result<Usage>> DomainMeter::add_up(Domain domain) {
  Usage total;
  std::string after;
  for (;;) {
    vdomain::FindQuotaHolders question{domain, after};
    Result<vdomain::FindQuotaHolders::Reply> page =
        co_await directory_->holders(std::move(question));
    if (!page) co_return pass(page);
    const bool last = page->holders.size() < vdomain::kQuotaPage;
    if (!page->holders.empty()) after = page->holders.back().local_part;
    auto work = [this, page = std::move(*page)] { return read_ledgers(page); };
    Result<Usage> read = co_await run_blocking(thread_, std::move(work));
    if (!read) co_return pass(read);
    total = {saturated_add(total.bytes, read->bytes),
             saturated_add(total.messages, read->messages)};
    if (last) co_return total;
  }
}

// One that never got mail uses nothing.
Result<Usage> DomainMeter::read_ledgers(const vdomain::FindQuotaHolders::Reply& page) {
  Usage total;
  for (const vdomain::FindQuotaHolders::Holder& holder : page.holders) {
    Result<MaildirPath> path = MaildirPath::parse(holder.maildir);
    if (!path) return pass(path);
    Result<Fd> maildir = services_.store.open_directory(*path, "");
    if (!maildir) return pass(maildir);
    if (!*maildir) continue;
    Result<Ledger::Reading> reading = ledger_.read(*maildir, holder.quota);
    if (!reading) return pass(reading, holder.maildir);
    total = {saturated_add(total.bytes, reading->usage.bytes),
             saturated_add(total.messages, reading->usage.messages)};
  }
  return total;
}

// ---- warnings

// To the mailboxes that mail for the postmaster goes to.
Task<> DomainMeter::warn(DomainMeter& meter, std::shared_ptr<void> alive, Domain domain,
                         unsigned percent, vdomain::Quota quota, Usage used) {
  Result<Address> postmaster = Address::from_parts("postmaster", domain);
  Result<vdomain::Resolve::Reply> found = transient("no postmaster");
  if (postmaster) {
    vdomain::Resolve question{std::move(*postmaster)};
    found = co_await meter.directory_->resolve(std::move(question));
  }
  std::vector<QuotaHolder> readers;
  if (found)
    for (const vdomain::Instruction& instruction : found->instructions)
      if (const auto* to = std::get_if<vdomain::DeliverMaildir>(&instruction))
        if (Result<MaildirPath> path = MaildirPath::parse(to->maildir))
          readers.push_back({to->mailbox, std::move(*path), to->quota});
  auto work = [&meter, readers = std::move(readers), named = vdomain::DomainQuota{domain, quota},
               percent, used] {
    for (const QuotaHolder& reader : readers)
      meter.services_.warnings.warn_of_domain(reader, named, percent, used);
    return readers.size();
  };
  const std::size_t told = co_await run_blocking(meter.thread_, std::move(work));
  if (told == 0)
    meter.services_.log.warning(
        "maild.domain.unwarned",
        {{"domain", domain.str()},
         {"percent", percent},
         {"reason", found ? "its postmaster has no mailbox here" : found.error().detail}});
  --meter.services_.in_hand;
}

}  // namespace toast::maildir
