#include "auth/certificate_courier.h"

#include <algorithm>
#include <utility>

namespace toast::auth {
namespace {

bool is_version_of(const CertificateVersion& version, const StoredCertificate& one) {
  return version.domain == one.domain && version.sealed_for == one.sealed_for &&
         version.changed == one.changed;
}

}  // namespace

void CertificateCourier::start(const asio::any_io_executor& executor) {
  timer_ = std::make_unique<asio::steady_timer>(executor);
  spawn(executor, work());
}

void CertificateCourier::look_now() {
  look_at_ = {};
  if (timer_) timer_->cancel();
}

Task<> CertificateCourier::work() {
  for (;;) {
    const SteadyTime now = clock_.steady();
    if (now >= look_at_) {
      look_at_ = now + kLookForCertificates;
      co_await look();
    }
    co_await hand_over();
    timer_->expires_after(kOfferCertificates);
    auto [cancelled] = co_await timer_->async_wait(no_throw);
    (void)cancelled;  // by look_now()
  }
}

// Reads the rows that are new or changed, and keeps the others.
Result<CertificateCourier::Certificates> CertificateCourier::read(const Certificates& known) {
  Result<std::vector<CertificateVersion>> versions = store_->list();
  if (!versions) return pass(versions);
  Certificates now;
  for (const CertificateVersion& version : *versions) {
    const auto same = std::lower_bound(
        known.begin(), known.end(), version.domain,
        [](const StoredCertificate& one, const std::string& name) { return one.domain < name; });
    if (same != known.end() && is_version_of(version, *same)) {
      now.push_back(*same);
      continue;
    }
    Result<std::optional<StoredCertificate>> row = store_->find(version.domain);
    if (!row) return pass(row);
    if (*row) now.push_back(std::move(**row));
  }
  return now;
}

Task<> CertificateCourier::look() {
  auto known = certificates_ ? certificates_ : std::make_shared<const Certificates>();
  auto job = [this, known] { return read(*known); };
  Result<Certificates> now = co_await run_blocking(thread_, std::move(job));
  if (!now) {
    if (!std::exchange(is_away_, true))
      log_.warning("auth.certificates.unavailable", {{"reason", now.error().detail}});
    co_return;
  }
  is_away_ = false;
  if (certificates_ && *now == *certificates_) co_return;
  certificates_ = std::make_shared<const Certificates>(std::move(*now));
  number_ = random_.u64() | 1U;  // never 0, which keyd begins with
}

Task<> CertificateCourier::hand_over() {
  if (!certificates_ || !keyd_.connected()) co_return;
  const std::shared_ptr<const Certificates> all = certificates_;
  keyd::OfferStored offer{number_};
  const Result<keyd::OfferStored::Reply> reply = co_await keyd_.call(std::move(offer));
  if (!reply || !reply->wanted) co_return;
  for (const StoredCertificate& one : *all) {
    keyd::StoredRow row{one.domain, one.chain, one.sealed_key};
    const Result<ipc::Done> taken = co_await keyd_.call(std::move(row));
    if (!taken) co_return;  // keyd has ended, or authd is older than it: again in a second
  }
  keyd::StoredEnd end{number_};
  (void)co_await keyd_.call(std::move(end));
}

}  // namespace toast::auth
