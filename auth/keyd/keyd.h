// toast-keyd without its process: the keeper of the private keys. Front ends get certificates and
// signatures, never a key; what is signed must have the shape of a TLS handshake (tls_shape.h).
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/keyd/key_messages.h"
#include "auth/keyd/key_store.h"
#include "auth/keyd/stored_messages.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/random.h"
#include "base/secret.h"

namespace toast::keyd {

// Of one front end process. More handshakes than a core can do; a stop for one gone wild.
inline constexpr double kSignaturesPerSecond = 5000;
inline constexpr std::chrono::hours kTicketKeyLife{
    1};  // then a new one; the one before still opens

struct Counters {
  explicit Counters(Metrics& metrics)
      : signatures(metrics.counter("keyd.signatures")),
        refused(metrics.counter("keyd.signatures.refused")),
        certificates(metrics.gauge("keyd.certificates")),
        expiring(metrics.gauge("keyd.certificates.expiring")),
        expired(metrics.gauge("keyd.certificates.expired")),
        unusable(metrics.gauge("keyd.certificates.unusable")) {}
  Counter signatures;
  Counter refused;     // unlike a handshake, an unknown key, or too many
  Gauge certificates;  // usable ones
  Gauge expiring;      // of these: within 21 days, or already
  Gauge expired;
  Gauge unusable;  // pairs of files that cannot be used as they are
};

// How often one front end may ask: as many as have flowed in since it asked last.
class Allowance {
 public:
  explicit Allowance(SteadyTime now) : since_(now) {}
  bool take(SteadyTime now);

 private:
  double left_ = kSignaturesPerSecond;
  SteadyTime since_;
};

class Keyd {
 public:
  Keyd(asio::any_io_executor executor, std::string tls_folder, const Clock& clock, Random& random,
       Logger& log, Metrics& metrics);

  // At the start, and whenever the files may have changed.
  void load(const std::string& own_name);
  // Rotates ticket keys until the end of the loop.
  void start();
  // Null: `peer` has no business here.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(const std::string& peer);

  Task<Result<GetCertificates::Reply>> answer(GetCertificates request);
  Result<GetTicketKeys::Reply> ticket_keys() const;
  // The certificates of the database, from authd.
  bool knows_stored(std::uint64_t number) const { return stored_number_ == number; }
  void take_stored(std::uint64_t number, std::vector<StoredRow> rows);
  Result<Sign::Reply> sign(const std::string& peer, Allowance& allowance, const Sign& request);
  void rotate_ticket_keys();

 private:
  Task<> rotate_hourly();
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for_authd();
  void announce();
  void count_certificates();
  Result<Sign::Reply> refuse(const std::string& peer, std::string why);

  asio::any_io_executor executor_;
  const Clock& clock_;
  Random& random_;
  Logger& log_;
  Counters counters_;
  KeyStore store_;
  std::string own_name_;
  std::uint64_t stored_number_ = 0;   // which of authd's certificates are here; 0: none yet
  std::uint64_t generation_;          // of certificates and ticket keys; begins at random
  asio::steady_timer changed_;        // cancelled with each new generation
  std::vector<Secret> ticket_keys_;   // the newest first
  SteadyTime last_refusal_logged_{};  // so that a liar does not fill the log
};

}  // namespace toast::keyd
