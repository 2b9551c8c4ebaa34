// The SASL exchanges of one front end: which of them wait for their client's next message, and what
// each step of a mechanism means for LoginService. One of these for each channel to a front end; a
// number is good on the channel it was given on, and for one step.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "auth/login_service.h"
#include "auth/sasl/mechanism.h"
#include "auth/sasl_messages.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"

namespace toast::auth {

// Exchanges that wait, for each front end: one for a connection, and of its thousands of
// connections few are between two steps at a time. A front end that has been taken over fills its
// own table only.
inline constexpr std::size_t kMaxSaslExchanges = 4096;

struct SaslServices {
  LoginService& logins;
  const Clock& clock;
  Random& random;
  Logger& log;
};

class SaslExchanges {
 public:
  // `front_end` as toastd named it; it logs in to `service` and to no other.
  SaslExchanges(SaslServices services, std::string front_end, Service service)
      : services_(services),
        front_end_(std::move(front_end)),
        service_(service),
        next_(services.random.u64()) {}

  // An Error is an outage (transient), a full table (transient) or a front end that asks for what
  // is not its own (permanent).
  Task<Result<SaslReply>> start(SaslStart request);
  // An exchange that is not known, because its time was up or authd has been restarted, is a
  // transient error: its client did nothing wrong.
  Task<Result<SaslReply>> step(SaslStep request);
  void cancel(std::uint64_t exchange);
  // Ends the exchanges whose client has been silent for kSaslPatience.
  void sweep();
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Exchange {
    std::unique_ptr<sasl::Mechanism> mechanism;
    std::string peer;
    std::string connection;
    std::string local;
    std::string stored;                 // what the SCRAM verifier was read from
    std::optional<SaslReply> accepted;  // the client's empty message is all that is missing
    SteadyTime since{};
  };
  using Waiting = std::map<std::uint64_t, Exchange>;
  Exchange take(Waiting::iterator found);
  Task<Result<SaslReply>> follow(Exchange exchange, sasl::Step step);
  Result<SaslReply> wait_for_client(Exchange exchange, std::string challenge);
  Task<Result<SaslReply>> check(Exchange exchange, sasl::CheckPassword question);
  Task<Result<SaslReply>> find_verifier(Exchange exchange, std::string login);
  Task<Result<SaslReply>> check_proof(Exchange exchange, sasl::CheckProof proof);
  Task<Result<SaslReply>> check_digest(Exchange exchange, sasl::CheckDigest question);
  Login request_of(const Exchange& exchange, std::string login) const;
  SaslReply broken(const Exchange& exchange, SaslReply::Outcome what, std::string_view reason);

  SaslServices services_;
  std::string front_end_;
  Service service_;
  std::uint64_t next_;  // begins anywhere: numbers of an authd before this one mean nothing
  Waiting waiting_;     // by number, hence the longest silent first
  std::unordered_map<std::string, std::uint64_t> by_connection_;
};

}  // namespace toast::auth
