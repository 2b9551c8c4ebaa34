#include "vdomain/vdomaind.h"

namespace toast::vdomain {

Vdomaind::Vdomaind(KeeperOptions options, const Clock& clock, Logger& log, Metrics& metrics)
    : keeper_(std::move(options), clock, log, metrics) {
  for_smtpd_->on<CheckRecipient>([this](CheckRecipient m) { return check(std::move(m)); });
  for_queued_->on<Resolve>([this](Resolve m) { return resolve(std::move(m)); });
  for_authd_->on<auth::FindAccount>(
      [this](auth::FindAccount m) { return find_account(std::move(m)); });
  for_maild_->on_notice<UsageReport>([this](const UsageReport& m) { keeper_.report_usage(m); });
}

std::shared_ptr<const ipc::Dispatcher> Vdomaind::dispatcher_for(std::string_view peer) const {
  const std::string_view program = peer.substr(0, peer.find('.'));
  if (program == "toast-smtpd") return for_smtpd_;
  if (program == "toast-queued") return for_queued_;
  if (program == "toast-authd") return for_authd_;
  if (program == "toast-maild") return for_maild_;
  return nullptr;
}

// A lookup takes microseconds, so it is done where it is asked for. Only a database that somebody
// has locked whole makes it wait, at most kLookupBusyTimeout in every kReopenInterval.
Task<Result<CheckRecipient::Reply>> Vdomaind::check(CheckRecipient question) {
  co_return keeper_.check(question);
}

Task<Result<Resolve::Reply>> Vdomaind::resolve(Resolve question) {
  co_return keeper_.resolve(question);
}

Task<Result<auth::FindAccount::Reply>> Vdomaind::find_account(auth::FindAccount question) {
  co_return keeper_.find_account(question);
}

}  // namespace toast::vdomain
