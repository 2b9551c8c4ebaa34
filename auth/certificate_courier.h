// Carries the certificates of the credentials' database to keyd, which alone can open their private
// keys: looks for changes every few seconds and at SIGHUP, and hands all over when something has
// changed or keyd has been restarted. While the database is away keyd has what was there before.
#pragma once

#include <asio/steady_timer.hpp>
#include <asio/thread_pool.hpp>
#include <memory>
#include <vector>

#include "auth/certificate_repository.h"
#include "auth/keyd/stored_messages.h"
#include "base/async.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/random.h"

namespace toast::auth {

inline constexpr std::chrono::seconds kLookForCertificates{5};
inline constexpr std::chrono::seconds kOfferCertificates{1};  // a keyd that has begun anew has none

class CertificateCourier {
 public:
  CertificateCourier(std::unique_ptr<CertificateRepository> store, ipc::Link& keyd, Random& random,
                     const Clock& clock, Logger& log)
      : store_(std::move(store)), keyd_(keyd), random_(random), clock_(clock), log_(log) {}
  ~CertificateCourier() { thread_.join(); }
  CertificateCourier(const CertificateCourier&) = delete;
  CertificateCourier& operator=(const CertificateCourier&) = delete;

  void start(const asio::any_io_executor& executor);
  void look_now();

 private:
  using Certificates = std::vector<StoredCertificate>;
  Task<> work();
  Task<> look();
  Task<> hand_over();
  Result<Certificates> read(const Certificates& known);

  std::unique_ptr<CertificateRepository> store_;  // used on thread_ alone
  ipc::Link& keyd_;
  Random& random_;
  const Clock& clock_;
  Logger& log_;
  std::unique_ptr<asio::steady_timer> timer_;
  SteadyTime look_at_{};
  std::shared_ptr<const Certificates> certificates_;  // in order of names; none: not known yet
  std::uint64_t number_ = 0;
  bool is_away_ = false;
  asio::thread_pool thread_{1};
};

}  // namespace toast::auth
