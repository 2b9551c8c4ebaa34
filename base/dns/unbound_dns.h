// The DNS through libunbound, which resolves (or has configured servers resolve) and validates.
//
// Validation must not stop mail where it cannot work: many resolvers of hosting networks and home
// routers drop signatures, and to a validator each of their answers is a forgery. So it is probed:
// until the trust anchor's own zone has been validated once, answers are taken unvalidated (never
// marked secure), with one warning in the log and a new probe each minute. From the first success
// on, as long as the process lives, an answer that fails validation is a temporary failure.
// Somebody who controls the path from before our start can thus keep answers unmarked, as he can
// for a host that never validates; nobody can turn validation off later.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/dns.h"
#include "base/log.h"

namespace toast::dns {

// Longer than a resolver takes over silent servers, shorter than anybody waits for a connection.
inline constexpr std::chrono::seconds kQuestionDeadline{20};
inline constexpr std::chrono::seconds kProbeDeadline{5};  // questions wait that long at the start
inline constexpr std::chrono::seconds kProbeInterval{60};

struct UnboundOptions {
  std::vector<Endpoint> servers;           // none: the Internet's name servers, from the root
  std::vector<std::string> trust_anchors;  // none: nothing is validated
  std::chrono::milliseconds question_deadline = kQuestionDeadline;
  std::chrono::milliseconds probe_deadline = kProbeDeadline;
  std::chrono::milliseconds probe_interval = kProbeInterval;
};

// What the machine says; to be read before files are out of reach. What is missing or unreadable
// there counts as not said: no server, no anchor.
struct SystemDns {
  std::vector<Endpoint> servers;
  std::vector<std::string> trust_anchors;
};
SystemDns read_system_dns(const std::string& resolv_conf = "/etc/resolv.conf",
                          const std::string& root_key = "/usr/share/dns/root.key");

class UnboundDns final : public Dns {
 public:
  // Starts its threads; call it before system calls are restricted.
  [[nodiscard]] static Result<std::unique_ptr<UnboundDns>> open(
      const asio::any_io_executor& executor, UnboundOptions options, Logger& log);
  ~UnboundDns() override;
  UnboundDns(const UnboundDns&) = delete;
  UnboundDns& operator=(const UnboundDns&) = delete;

  Task<Result<MxAnswer>> mx(std::string name) override;
  Task<Result<AddressAnswer>> addresses(std::string host) override;

 private:
  struct State;
  explicit UnboundDns(std::shared_ptr<State> state);
  static Task<> probe(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;  // shared with the coroutines that are under way
};

}  // namespace toast::dns
