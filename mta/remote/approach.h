// How one request gets at its destination: a connection kept from before, else its hosts, one after
// the other, until one talks to us.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "mta/message/next_hop.h"
#include "mta/remote/connection.h"
#include "mta/remote/options.h"
#include "mta/remote/outcome.h"
#include "mta/remote/services.h"

namespace toast::remote {

class Approach {
 public:
  // `reverse_path` decides where we connect from. Nothing waits later than `until`.
  Approach(std::shared_ptr<const Options> options, Services& services, NextHop hop,
           std::string_view reverse_path, SteadyTime until);

  // A connection that was greeted. The same host again, if the last one was fine. On failure the
  // destination is out of reach: the error is the last host's, or the resolver's.
  Task<Result<std::unique_ptr<Connection>>> reach();
  // The host of the last reach() let us begin no transaction: the next one's turn.
  void host_failed(Outcome why);
  // A connection kept from before, or used already, was no longer good: that says nothing about its
  // host, which is tried anew.
  void connection_was_stale() { may_reuse_ = false; }
  // For the next request to this destination.
  void keep(std::unique_ptr<Connection> connection);

  const std::string& remote() const { return remote_; }  // the last one tried, or ""

 private:
  Task<Result<void>> find_hosts();
  Task<Result<std::unique_ptr<Connection>>> open(Candidate candidate);
  Task<Result<std::unique_ptr<Connection>>> open_in_clear(Candidate candidate);
  Task<Result<std::unique_ptr<Connection>>> open_and_log_in(Candidate candidate);
  tls::Policy policy_for(const Candidate& candidate) const;
  bool is_on_this_machine(const Candidate& candidate) const;
  Result<Login> login() const;
  Result<void> no_tls(const std::string& why) const;
  void note_opened(const Candidate& candidate, const Connection& connection);
  void note_tls_failure(const Candidate& candidate, const std::string& reason);
  Task<Result<std::unique_ptr<smtp::Wire>>> connect(Candidate candidate, Source source);
  void note_failure(const Candidate& candidate, const std::string& reason);

  std::shared_ptr<const Options> options_;
  Services& services_;
  NextHop hop_;
  std::string group_;  // of outgoing addresses
  std::string key_;    // in the pool
  SteadyTime until_;
  std::optional<std::vector<Candidate>> candidates_;  // none: not looked up yet
  std::size_t next_ = 0;
  bool may_reuse_ = true;
  std::string remote_;
  Error last_{Failure::transient, "4.4.1 no host of the destination answers", "no host answers"};
};

}  // namespace toast::remote
