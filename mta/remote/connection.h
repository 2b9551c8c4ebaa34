// One connection to an SMTP or LMTP server: greeting, EHLO, then commands and replies, QUIT. It
// knows lines and limits; what a transaction says over it is transaction.h's business. Every error
// is transient and leaves the connection unusable; its reply begins with an enhanced status.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"
#include "mta/remote/capabilities.h"
#include "mta/remote/login.h"
#include "mta/remote/reply_reader.h"
#include "mta/remote/tls_starter.h"
#include "mta/smtp/wire.h"

namespace toast::remote {

enum class Protocol : unsigned char { smtp, lmtp };

// For hosts without LIMITS: a connection is closed after so many, so that load spreads again.
inline constexpr std::size_t kMaxTransactions = 100;
// For the host's answer to QUIT; then we close all the same.
inline constexpr std::chrono::seconds kFarewell{5};

class Connection {
 public:
  struct Setup {
    Protocol protocol = Protocol::smtp;
    std::string helo;                         // our name
    std::string peer;                         // "mx1.example.org[192.0.2.1]:25"
    std::string server_name;                  // "mx1.example.org"; empty: it has none
    std::string address;                      // "192.0.2.1"; empty with a local socket
    std::chrono::seconds reply_timeout{300};  // twice that after a message
  };
  Connection(std::unique_ptr<smtp::Wire> wire, const Clock& clock, Setup setup);

  // Waits for the greeting and introduces us: EHLO, after a 5yz HELO; LHLO for LMTP. Nothing waits
  // later than `until`.
  Task<Result<void>> greet(SteadyTime until);
  // STARTTLS, the handshake, then the introduction anew: what was learnt before it is dropped
  // (RFC 3207 section 4.2). For a host that offers it, right after greet().
  Task<Result<void>> start_tls(TlsStarter& starter, tls::Policy policy);
  // start_tls() failed for something that may not happen in clear text. Otherwise its error is the
  // host's refusal.
  bool tls_failed() const { return tls_failed_; }
  // AUTH, once the host has been greeted. Whatever it says against us is transient: a password that
  // was changed over there bounces nobody's mail.
  Task<Result<void>> log_in(Login login);
  // Asks for the end and waits a little for the answer (RFC 5321 section 4.1.1.10).
  Task<> quit();

  // For transactions. Each reply has reply_timeout; `to_what` names the command in errors.
  Task<Result<void>> send(std::string bytes);
  Task<Result<RemoteReply>> read_reply(std::string to_what);
  Task<Result<RemoteReply>> read_final_reply(std::string to_what);
  // A host that said something before it was asked is out of step: its next words would be taken
  // for the answer to another question. So did one that said 421, as it may at any time (RFC 5321
  // section 3.8), or closed.
  Result<void> check_silent();

  // A transaction begins; it may wait until then.
  void begin_transaction(SteadyTime until);
  std::size_t transactions() const { return transactions_; }
  // The host keeps recipients of a transaction that is over: RSET must come before MAIL.
  void needs_reset() { needs_reset_ = true; }
  bool take_needs_reset() { return std::exchange(needs_reset_, false); }
  // The host closes, or nothing it says makes sense any more.
  void give_up() { usable_ = false; }
  // For one more transaction. Looks at the socket: an idle connection may have been closed.
  bool can_carry_more();

  const Capabilities& capabilities() const { return capabilities_; }
  Protocol protocol() const { return setup_.protocol; }
  const std::string& peer() const { return setup_.peer; }
  // Protocol and cipher as the log says them, or "none".
  const std::string& tls() const { return tls_; }
  bool tls_resumed() const { return tls_resumed_; }

 private:
  Task<Result<RemoteReply>> read_within(std::chrono::seconds patience, std::string to_what);
  Task<Result<RemoteReply>> ask(std::string command, std::string name);
  Task<Result<RemoteReply>> ask_secretly(Secret line);
  Task<Result<void>> send_all(std::string& bytes);  // the caller keeps them until it is done
  Task<Result<void>> introduce();
  Task<Result<void>> change_to_tls(TlsStarter& starter, tls::Policy policy);
  void set_deadline(std::chrono::seconds patience);
  Error lost(smtp::WireEnd end, const std::string& to_what);
  Error refused(const RemoteReply& reply);

  std::unique_ptr<smtp::Wire> wire_;
  const Clock& clock_;
  Setup setup_;
  SteadyTime until_;
  ReplyReader reader_;
  std::string unread_;  // received behind the last reply
  Capabilities capabilities_;
  std::size_t transactions_ = 0;
  bool needs_reset_ = false;
  bool usable_ = true;
  bool lost_ = false;  // by the network
  std::string tls_ = "none";
  bool tls_resumed_ = false;
  bool tls_failed_ = false;
};

}  // namespace toast::remote
