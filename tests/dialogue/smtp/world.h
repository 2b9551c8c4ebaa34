// The world of an SMTP dialogue: who receives mail here, what the queue does, and what it was
// given. Shared by the dialogue runner and the unit tests of smtpd.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/md5_proof.h"
#include "auth/sasl/mechanisms.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "mta/smtpd/options.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class FakeRecipients final : public RecipientCheck {
 public:
  bool fails = false;
  std::map<std::string, RecipientVerdict> known;
  std::vector<std::string> domains;  // of ours: others are not_local
  std::vector<std::string> asked;
  Task<Result<RecipientVerdict>> check(Address recipient, std::uint64_t size_bytes) override;
};

struct Accepted {
  Envelope envelope;
  std::string body;
};

class FakeQueue final : public MessageQueue {
 public:
  bool away = false;
  int fails_at_chunk = 0;  // 1: the first
  std::optional<Error> space_error;
  std::optional<Error> finish_error;
  std::vector<Accepted> accepted;
  int aborted = 0;
  std::size_t largest_chunk = 0;

  bool available() const override { return !away; }
  std::vector<std::string> logins;  // connections that have one
  bool forgets_logins = false;      // as if it had been started anew
  bool limit_reached = false;       // of every login
  Task<Result<void>> check_space(std::uint64_t size_bytes, std::string connection) override;
  Task<Result<std::unique_ptr<SendingRight>>> redeem(std::string ticket,
                                                     std::string connection) override;
  std::unique_ptr<Submission> submit(Envelope envelope) override;
};

// Handshakes without cryptography: the same wire goes on. The client's words before and after are
// what the dialogues are about.
class FakeTls final : public TlsService {
 public:
  bool offered = false;
  bool ready = true;
  bool fails = false;
  bool is_offered() const override { return offered; }
  bool is_ready() const override { return ready; }
  Task<TlsStart> start(std::unique_ptr<Wire> wire, tls::Floor floor) override;
};

// PLAIN, LOGIN and, with the challenge of RFC 2195, CRAM-MD5 as authd knows them, for one login.
class FakeAuth final : public Authenticator {
 public:
  std::string login;
  std::string password;
  bool fails = false;
  bool throttles = false;
  bool knows_cram = false;
  int cancelled = 0;
  Task<Result<auth::SaslReply>> start(auth::SaslStart request) override;
  Task<Result<auth::SaslReply>> step(auth::SaslStep request) override;
  Task<> cancel(std::uint64_t exchange) override;
  void saw_foreign_sender(auth::SawForeignSender) override {}

 private:
  auth::SaslReply plain(std::string_view message) const;
  auth::SaslReply check(std::string_view name, std::string_view typed) const;
  std::string mechanism_;
  Task<Result<auth::SaslReply>> cram(auth::sasl::Step step);
  std::string name_;  // LOGIN's first answer
  std::unique_ptr<auth::sasl::Mechanism> cram_;
};

// "login sender" pairs that are in order.
class FakeSenders final : public SenderRights {
 public:
  std::vector<std::string> allowed;
  bool fails = false;
  Task<Result<bool>> may_send_as(Address login, Address sender) override;
};

class RecordingLogger final : public Logger {
 public:
  std::vector<std::string> lines;  // "smtp.session.closed reason=quit ..."
  void write(Severity severity, std::string_view event,
             std::initializer_list<Field> fields) override;
  bool contains(std::string_view text) const;
};

// Everything a session needs, with fakes. The clock moves only when told to.
struct World {
  FakeClock clock{WallTime{std::chrono::seconds{1'795'356'000}}};
  RecordingLogger log;
  FakeRecipients recipients;
  FakeQueue queue;
  FakeTls tls;
  FakeAuth auth;
  FakeSenders senders;
  Metrics metrics;
  Counters counters{metrics};
  Port port = Port::smtp;  // that the client has connected to

  // One line of a dialogue: "mailbox ann@example.org", "queue away", "limit errors 3"...
  Result<void> given(const std::vector<std::string>& words, Options& options, std::string& peer);
  // "accepted 2", "to a@x b@x", "body \"...\"", "log \"reason=timeout\""...
  Result<void> then(const std::vector<std::string>& words) const;
};

// The part of a stored message behind the Received field that smtpd has put on top.
std::string without_received(const std::string& message);
std::string received_of(const std::string& message);

}  // namespace toast::smtpd
