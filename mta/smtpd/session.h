// One SMTP session: commands to replies (RFC 5321). The rules only; bytes come from a Wire, answers
// about recipients and storage from Services. Trusts nothing of the client: everything is parsed
// into types by mta/smtp, everything is limited by Options.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/async.h"
#include "base/ip_address.h"
#include "mta/smtp/command.h"
#include "mta/smtp/line_reader.h"
#include "mta/smtp/reply.h"
#include "mta/smtpd/options.h"
#include "mta/smtpd/services.h"
#include "mta/smtpd/wire.h"

namespace toast::smtpd {

enum class State : unsigned char {
  connected,         // no HELO or EHLO yet
  greeted,           // no transaction
  mail_given,        // MAIL accepted, no recipient yet
  recipients_given,  // at least one RCPT accepted
  closing,           // nothing more is read
};

enum class Hello : unsigned char { none, helo, ehlo };

// What is known about the client beyond its address. It is dropped and gathered anew when TLS
// begins (RFC 3207 section 4.2), so it stands apart from the transaction.
struct SecurityContext {
  bool encrypted = false;
  std::string authenticated;  // the login, empty for a stranger
  bool may_relay = false;
  std::string channel_binding = {};  // of the TLS connection
};

// The value of "with" in Received (RFC 3848).
std::string_view protocol_name(Hello hello, const SecurityContext& security);

class Session {
 public:
  // `peer` is the client's address, `local` the one of ours that it has connected to. `services`
  // outlive the session.
  Session(std::shared_ptr<const Options> options, Services& services, const IpAddress& peer,
          std::unique_ptr<Wire> wire, Port port = Port::smtp, const IpAddress& local = {});
  // Returns when the conversation is over; the caller closes the socket.
  Task<> run();
  State state() const { return state_; }
  const std::string& login() const { return security_.authenticated; }  // empty: a stranger
  // Its account is locked: the wire is stopped next, and the client is told why.
  void lock_out() { locked_out_ = true; }

 private:
  struct Transaction {
    ReversePath reverse_path;
    smtp::MailParameters parameters;
    std::vector<Recipient> recipients;
    std::unordered_set<Address> known;  // the same, to find duplicates
  };
  class Body;

  // The conversation: session.cc
  Task<> answer_event(smtp::LineEvent event);
  Task<> answer(smtp::Command command);
  Task<std::optional<smtp::LineEvent>> next_event();
  Task<bool> refill();
  Task<bool> flush();
  void release_input();
  void forget_line();
  void say(const smtp::Reply& reply);
  void refuse(const smtp::Reply& reply);
  void close_with(const smtp::Reply& reply, std::string_view reason);
  void end(WireEnd how);
  void count_noop();
  void set_deadline();
  void log_close();

  // What each command does: session_commands.cc
  void greet(std::string name, Hello hello);
  smtp::Reply answer_plain(const smtp::Command& command);
  Task<> answer_mail(smtp::Mail mail);
  std::optional<smtp::Reply> refuse_mail(const smtp::Mail& mail) const;
  Task<> answer_rcpt(smtp::Rcpt rcpt);
  bool is_taken(const RecipientVerdict& verdict) const;
  smtp::Reply verdict_reply(const RecipientVerdict& verdict) const;
  void accept_recipient(Recipient recipient);
  void refuse_recipient(const Address& recipient, const smtp::Reply& reply);
  void reset_transaction();

  // A handshake, and what stood before it: session_tls.cc
  bool offers_tls() const;
  std::optional<smtp::Reply> refuse_starttls();
  Task<> answer_starttls();
  Task<bool> begin_tls();
  void forget_clear_text();

  // AUTH, and what comes of it: session_auth.cc
  bool takes_logins() const;
  bool offers_auth() const;
  std::optional<smtp::Reply> refuse_auth() const;
  Task<> answer_auth(smtp::Auth auth);
  Task<tl::expected<Secret, smtp::Reply>> read_response();
  Task<> conclude(Result<auth::SaslReply> reply, std::string mechanism);
  Task<> log_in(auth::SaslReply grant, std::string mechanism);
  void refuse_login(const smtp::Reply& reply, std::string_view mechanism, std::string_view reason);

  // Whose are the addresses that a login sends as: session_sender.cc
  Task<std::optional<smtp::Reply>> check_sender(Address sender, SenderMode mode, std::string where);
  Task<std::optional<smtp::Reply>> check_authors(std::vector<Address> authors);

  // From DATA to the reply to the final dot: session_data.cc
  Task<> answer_data();
  bool refuse_data();
  Task<> read_body(Body& body);
  Task<smtp::Reply> finish_body(Body& body);
  void log_message(const Body& body, const smtp::Reply& reply);

  const std::shared_ptr<const Options> options_;
  Services& services_;
  const std::string peer_text_;
  const std::string local_text_;
  const std::string id_;
  const bool own_client_;  // by its address, in relaynetworks
  const Port port_;
  std::unique_ptr<Wire> wire_;
  SecurityContext security_;
  std::unique_ptr<SendingRight> right_;  // of who has logged in
  std::optional<Address> login_;         // the same as security_.authenticated
  std::string tls_;                      // version and cipher; empty: clear text

  State state_ = State::connected;
  bool locked_out_ = false;
  Hello hello_ = Hello::none;
  std::string helo_;
  Transaction transaction_;

  smtp::LineReader lines_;
  std::string input_;         // what was read and is not answered yet; freed while idle
  std::string_view pending_;  // the rest of input_
  std::string out_;           // replies not yet sent
  SteadyTime session_end_;

  std::size_t errors_ = 0;
  std::size_t noops_ = 0;  // in a row, without a message
  std::size_t failed_logins_ = 0;
  std::size_t deferrals_ = 0;  // recipients put off since the last message
  std::size_t messages_ = 0;
  std::string_view close_reason_ = "quit";
};

}  // namespace toast::smtpd
