#include "vdomain/vdomaind.h"

#include <algorithm>
#include <functional>

#include "vdomain/model.h"

namespace toast::vdomain {

Vdomaind::Vdomaind(const KeeperOptions& options, const Clock& clock, Logger& log, Metrics& metrics,
                   std::size_t threads)
    : parts_(std::max<std::size_t>(threads, 1)) {
  for (Part& part : parts_) {
    part.keeper = std::make_unique<DirectoryKeeper>(options, clock, log, metrics);
    if (threads > 0) part.thread = std::make_unique<asio::thread_pool>(1);
  }
  for_smtpd_->on<CheckRecipient>([this](CheckRecipient m) { return check(std::move(m)); });
  for_smtpd_->on<MaySendAs>([this](MaySendAs m) { return may_send_as(std::move(m)); });
  for_queued_->on<FindSendLimits>([this](FindSendLimits m) { return send_limits(std::move(m)); });
  for_queued_->on<Resolve>([this](Resolve m) { return resolve(std::move(m)); });
  for_authd_->on<auth::FindAccount>(
      [this](auth::FindAccount m) { return find_account(std::move(m)); });
  for_maild_->on_notice<UsageReport>([this](const UsageReport& m) { report_usage(m); });
  for_maild_->on_notice<DomainUsageReport>(
      [this](const DomainUsageReport& m) { report_domain_usage(m); });
  for_maild_->on<FindQuotaDomains>(
      [this](FindQuotaDomains m) { return quota_domains(std::move(m)); });
  for_maild_->on<FindQuotaHolders>(
      [this](FindQuotaHolders m) { return quota_holders(std::move(m)); });
  for_maild_->on<Resolve>([this](Resolve m) { return resolve_postmaster(std::move(m)); });
}

Vdomaind::~Vdomaind() {
  for (Part& part : parts_) {
    if (!part.thread) continue;
    part.thread->stop();
    part.thread->join();
  }
}

std::shared_ptr<const ipc::Dispatcher> Vdomaind::dispatcher_for(std::string_view peer) const {
  const std::string_view program = peer.substr(0, peer.find('.'));
  if (program == "toast-smtpd") return for_smtpd_;
  if (program == "toast-queued") return for_queued_;
  if (program == "toast-authd") return for_authd_;
  if (program == "toast-maild") return for_maild_;
  return nullptr;
}

Vdomaind::Part& Vdomaind::part_for(const std::string& question) {
  return parts_[std::hash<std::string>{}(question) % parts_.size()];
}

// A lookup in an SQLite file takes microseconds, so it is done where it is asked for. Only a
// database that somebody has locked whole makes it wait, at most kLookupBusyTimeout in every
// kReopenInterval.
DirectoryKeeper* Vdomaind::on_the_spot() {
  return parts_.front().thread ? nullptr : parts_.front().keeper.get();
}

template <class Reply, class Work>
Task<Result<Reply>> Vdomaind::ask(std::string question, Work work) {
  Part& part = part_for(question);
  if (part.waiting >= kMaxWaitingQuestions)
    co_return transient("too many questions wait for the directory's database");
  ++part.waiting;
  auto job = [keeper = part.keeper.get(), work = std::move(work)] { return work(*keeper); };
  Result<Reply> answer = co_await run_blocking(*part.thread, std::move(job));
  --part.waiting;
  co_return answer;
}

Task<Result<CheckRecipient::Reply>> Vdomaind::check(CheckRecipient question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->check(question);
  std::string name = canonical(question.recipient).str();
  auto work = [question = std::move(question)](DirectoryKeeper& k) { return k.check(question); };
  co_return co_await ask<CheckRecipient::Reply>(std::move(name), std::move(work));
}

Task<Result<Resolve::Reply>> Vdomaind::resolve(Resolve question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->resolve(question);
  std::string name = canonical(question.recipient).str();
  auto work = [question = std::move(question)](DirectoryKeeper& k) { return k.resolve(question); };
  co_return co_await ask<Resolve::Reply>(std::move(name), std::move(work));
}

// Whom maild warns of a full domain; where other mail goes is not its business.
Task<Result<Resolve::Reply>> Vdomaind::resolve_postmaster(Resolve question) {
  if (question.recipient.local_part() != "postmaster") co_return transient("no postmaster");
  co_return co_await resolve(std::move(question));
}

Task<Result<MaySendAs::Reply>> Vdomaind::may_send_as(MaySendAs question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->may_send_as(question);
  std::string name = canonical(question.sender).str();
  auto work = [question = std::move(question)](DirectoryKeeper& k) {
    return k.may_send_as(question);
  };
  co_return co_await ask<MaySendAs::Reply>(std::move(name), std::move(work));
}

Task<Result<auth::FindAccount::Reply>> Vdomaind::find_account(auth::FindAccount question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->find_account(question);
  std::string name = question.login;
  auto work = [question = std::move(question)](DirectoryKeeper& k) {
    return k.find_account(question);
  };
  co_return co_await ask<auth::FindAccount::Reply>(std::move(name), std::move(work));
}

Task<Result<FindSendLimits::Reply>> Vdomaind::send_limits(FindSendLimits question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->send_limits(question);
  std::string name = question.domain.str();
  auto work = [question = std::move(question)](DirectoryKeeper& k) {
    return k.send_limits(question);
  };
  co_return co_await ask<FindSendLimits::Reply>(std::move(name), std::move(work));
}

Task<Result<FindQuotaDomains::Reply>> Vdomaind::quota_domains(FindQuotaDomains question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->quota_domains(question);
  std::string name = question.after;
  auto work = [question = std::move(question)](DirectoryKeeper& k) {
    return k.quota_domains(question);
  };
  co_return co_await ask<FindQuotaDomains::Reply>(std::move(name), std::move(work));
}

Task<Result<FindQuotaHolders::Reply>> Vdomaind::quota_holders(FindQuotaHolders question) {
  if (DirectoryKeeper* here = on_the_spot()) co_return here->quota_holders(question);
  std::string name = question.domain.str();
  auto work = [question = std::move(question)](DirectoryKeeper& k) {
    return k.quota_holders(question);
  };
  co_return co_await ask<FindQuotaHolders::Reply>(std::move(name), std::move(work));
}

template <class Work>
void Vdomaind::tell_all(Work work) {
  for (Part& part : parts_) {
    if (!part.thread) {
      work(*part.keeper);
    } else {
      asio::post(*part.thread, [keeper = part.keeper.get(), work] { work(*keeper); });
    }
  }
}

void Vdomaind::report_usage(const UsageReport& report) {
  tell_all([report](DirectoryKeeper& keeper) { keeper.report_usage(report); });
}

void Vdomaind::report_domain_usage(const DomainUsageReport& report) {
  tell_all([report](DirectoryKeeper& keeper) { keeper.report_domain_usage(report); });
}

void Vdomaind::set_names(const Domain& host, const LoginDomains& login_domains) {
  tell_all(
      [host, login_domains](DirectoryKeeper& keeper) { keeper.set_names(host, login_domains); });
}

// The log says what fails.
void Vdomaind::make_ready() {
  for (Part& part : parts_) (void)part.keeper->ready();
}

}  // namespace toast::vdomain
