// What a session needs of the rest of the server, as interfaces: who receives mail here, where
// accepted messages go. Real ones call vdomaind and queued; tests have fakes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "mta/message/address.h"
#include "mta/message/message_id.h"
#include "mta/smtp/parameters.h"

namespace toast::smtpd {

enum class Verdict : unsigned char { accept, unknown, over_quota, suspended, not_local };
struct RecipientVerdict {
  Verdict verdict = Verdict::unknown;
  std::string reason;  // suspended: what the peer may read
};

class RecipientCheck {
 public:
  virtual ~RecipientCheck() = default;
  // `size_bytes` is what MAIL announced, or 0. An error means that we do not know now: always
  // transient, never "unknown".
  virtual Task<Result<RecipientVerdict>> check(Address recipient, std::uint64_t size_bytes) = 0;
};

struct Recipient {
  Address address;
  smtp::RcptParameters parameters;
};

struct Envelope {
  MessageId id;  // stands in the Received field already
  ReversePath reverse_path;
  std::vector<Recipient> recipients;  // at least one, no address twice
  smtp::MailParameters parameters;
  std::string peer;
  std::string helo;
  std::string authenticated;  // the login, empty for a stranger
};

inline constexpr std::size_t kMaxBodyChunk = 64 * 1024;

// One message on its way into the queue. Destroyed before finish() has been called: nothing is
// kept.
class Submission {
 public:
  virtual ~Submission() = default;
  // At most kMaxBodyChunk bytes, LF line ends. An error ends the submission.
  virtual Task<Result<void>> chunk(std::string bytes) = 0;
  // Success: the message is on stable storage, and ours (RFC 5321 section 6.1).
  virtual Task<Result<void>> finish(std::string last_bytes) = 0;
};

class MessageQueue {
 public:
  virtual ~MessageQueue() = default;
  virtual bool available() const = 0;
  // At MAIL: is there room? `size_bytes` as announced, or 0. Error: why not, with its reply.
  virtual Task<Result<void>> check_space(std::uint64_t size_bytes) = 0;
  virtual std::unique_ptr<Submission> submit(Envelope envelope) = 0;
};

// Counted over all sessions of the process.
struct Counters {
  explicit Counters(Metrics& metrics)
      : sessions(metrics.counter("smtp.sessions")),
        open_sessions(metrics.gauge("smtp.sessions.open")),
        refused_sessions(metrics.counter("smtp.sessions.refused")),
        accepted_messages(metrics.counter("smtp.messages.accepted")),
        refused_messages(metrics.counter("smtp.messages.refused")),
        refused_recipients(metrics.counter("smtp.recipients.refused")),
        timeouts(metrics.counter("smtp.timeouts")) {}
  Counter sessions;
  Gauge open_sessions;
  Counter refused_sessions;
  Counter accepted_messages;
  Counter refused_messages;
  Counter refused_recipients;
  Counter timeouts;
};

// Built once, in main; outlives every session.
struct Services {
  const Clock& clock;
  Logger& log;
  RecipientCheck& recipients;
  MessageQueue& queue;
  MessageIdSource& ids;
  Counters& counters;
};

}  // namespace toast::smtpd
