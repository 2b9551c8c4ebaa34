// What a session needs of the rest of the server, as interfaces: who receives mail here, where
// accepted messages go. Real ones call vdomaind and queued; tests have fakes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "auth/sasl_messages.h"
#include "auth/session_messages.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/tls/server.h"
#include "mta/message/address.h"
#include "mta/message/message_id.h"
#include "mta/smtp/parameters.h"
#include "mta/smtpd/wire.h"

namespace toast::smtpd {

enum class Verdict : unsigned char { accept, unknown, over_quota, suspended, not_local };
struct RecipientVerdict {
  Verdict verdict = Verdict::unknown;
  std::string reason;  // suspended, unknown: what the peer may read; empty: our own words
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
  std::string connection;  // whose login queued knows; empty: a stranger's
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

// The right to send to other hosts, which queued has seen authd's ticket for. It ends with this
// object.
class SendingRight {
 public:
  virtual ~SendingRight() = default;
  // The queued that knows of it is still there.
  virtual bool holds() const = 0;
};

class MessageQueue {
 public:
  virtual ~MessageQueue() = default;
  virtual bool available() const = 0;
  // At MAIL: is there room, and may this login send? `size_bytes` as announced, or 0; `connection`
  // as in Envelope. Error: why not, with its reply.
  virtual Task<Result<void>> check_space(std::uint64_t size_bytes, std::string connection) = 0;
  // For messages of this connection. An error is transient.
  virtual Task<Result<std::unique_ptr<SendingRight>>> redeem(std::string ticket,
                                                             std::string connection) = 0;
  virtual std::unique_ptr<Submission> submit(Envelope envelope) = 0;
};

// authd, for all sessions of the process.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  virtual Task<Result<auth::SaslReply>> start(auth::SaslStart request) = 0;
  virtual Task<Result<auth::SaslReply>> step(auth::SaslStep request) = 0;
  virtual Task<> cancel(std::uint64_t exchange) = 0;
  // A login sends under an address that is not its own: kept for toastctl auth report.
  virtual void saw_foreign_sender(auth::SawForeignSender seen) = 0;
};

class SenderRights {
 public:
  virtual ~SenderRights() = default;
  // Is this address the login's? An error is transient: we do not know now.
  virtual Task<Result<bool>> may_send_as(Address login, Address sender) = 0;
};

// What became of a wire whose client asked for TLS.
struct TlsStart {
  std::unique_ptr<Wire> wire;  // to go on with, or to close; never null
  std::string failure;         // empty: it is encrypted now
  std::string version;         // "TLSv1.3"
  std::string cipher;          // "TLS_AES_256_GCM_SHA384"
  bool resumed = false;
  std::string channel_binding;  // tls-exporter (RFC 9266); empty: none
};

class TlsService {
 public:
  virtual ~TlsService() = default;
  virtual bool is_offered() const = 0;  // there is a certificate
  virtual bool is_ready() const = 0;    // and somebody who has its key
  // The handshake, within the wire's deadline.
  virtual Task<TlsStart> start(std::unique_ptr<Wire> wire, tls::Floor floor) = 0;
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
        timeouts(metrics.counter("smtp.timeouts")),
        tls_sessions(metrics.counter("smtp.tls.sessions")),
        tls_resumed(metrics.counter("smtp.tls.resumed")),
        tls_failures(metrics.counter("smtp.tls.failures")),
        logins(metrics.counter("smtp.logins")),
        refused_logins(metrics.counter("smtp.logins.refused")),
        foreign_senders(metrics.counter("smtp.senders.foreign")) {}
  Counter sessions;
  Gauge open_sessions;
  Counter refused_sessions;
  Counter accepted_messages;
  Counter refused_messages;
  Counter refused_recipients;
  Counter timeouts;
  Counter tls_sessions;  // encrypted by STARTTLS
  Counter tls_resumed;   // of these: without a new key exchange by certificate
  Counter tls_failures;  // handshakes that came to nothing
  Counter logins;
  Counter refused_logins;
  Counter foreign_senders;  // addresses that are not their login's, refused or not
};

// Built once, in main; outlives every session.
struct Services {
  const Clock& clock;
  Logger& log;
  RecipientCheck& recipients;
  MessageQueue& queue;
  MessageIdSource& ids;
  Counters& counters;
  TlsService* tls = nullptr;        // none: STARTTLS is not offered
  Authenticator* auth = nullptr;    // none: AUTH is not offered
  SenderRights* senders = nullptr;  // none only where auth is
};

}  // namespace toast::smtpd
