// The rules of a POP3 session (RFC 1939 sections 4 to 6): which command is allowed when, and what
// it answers. It sends through a ReplyOutput and knows no socket and no timer.
//
// AUTH (RFC 5034) is a SASL exchange between the client and authd: the session carries messages and
// reads none. While it waits for one, respond() takes the client's lines instead of answer().
//
// STLS (RFC 2595 section 4) is answered in `authorization` only. The connection then encrypts and
// says so by secured().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "auth/sasl/names.h"
#include "pop3d/command.h"
#include "pop3d/command_parser.h"
#include "pop3d/services.h"

namespace toast::pop3 {

struct SessionLimits {
  unsigned max_failed_logins = 3;  // then the connection is closed
  unsigned max_errors = 20;        // commands refused for their form or place; then it is closed
  std::chrono::milliseconds failed_login_pause{2000};  // before the answer: slows one guesser down
  auth::sasl::Offer offer;
  bool clear_passwords = true;  // are taken over connections that are not encrypted
};

enum class State : unsigned char {
  authorization,   // no name yet
  user_given,      // USER was accepted; PASS is expected
  authenticating,  // AUTH was begun; a SASL response is expected
  transaction,     // logged in
  closing,         // nothing more is read
};

enum class Next : unsigned char {
  go_on,
  close,
  start_tls,  // send what is in the buffer, then encrypt
};

class Session {
 public:
  // `stamp`: for APOP, never used before (auth/stamp.h); empty: it is not offered.
  Session(Client client, std::string host_name, Services services, SessionLimits limits,
          std::string stamp = {});

  // The line sent before any command. With a stamp only where a client may use it at once: who
  // forbids passwords in clear text does not want what can be guessed from them, either.
  void greet(ReplyOutput& out);
  Task<Next> answer(tl::expected<Command, SyntaxError> command, ReplyOutput& out);
  // In `authenticating`: the next message of the client, or why its line was none.
  Task<Next> respond(tl::expected<SaslResponse, SyntaxError> response, ReplyOutput& out);
  // The connection is encrypted from here on; what was said before is forgotten.
  void secured(std::string channel_binding);
  // The connection has ended: authd need not wait for the rest of an exchange.
  Task<> hung_up();
  State state() const { return state_; }
  const std::string& user() const { return user_; }  // as typed; after AUTH: the mailbox
  // Whose it is, canonical; empty until authd has said so.
  const std::string& mailbox() const { return mailbox_; }

 private:
  Task<Next> answer(User user, ReplyOutput& out);
  Task<Next> answer(Pass pass, ReplyOutput& out);
  Task<Next> answer(Stat stat, ReplyOutput& out);
  Task<Next> answer(List list, ReplyOutput& out);
  Task<Next> answer(Uidl uidl, ReplyOutput& out);
  Task<Next> answer(Retr retr, ReplyOutput& out);
  Task<Next> answer(Top top, ReplyOutput& out);
  Task<Next> answer(Dele dele, ReplyOutput& out);
  Task<Next> answer(Rset rset, ReplyOutput& out);
  Task<Next> answer(Noop noop, ReplyOutput& out);
  Task<Next> answer(Quit quit, ReplyOutput& out);
  Task<Next> answer(Capa capa, ReplyOutput& out);
  Task<Next> answer(Stls stls, ReplyOutput& out);
  Task<Next> answer(Auth auth, ReplyOutput& out);
  Task<Next> answer(Apop apop, ReplyOutput& out);
  Task<Next> conclude(tl::expected<Ticket, LoginRefusal> ticket, ReplyOutput& out);

  bool offers_tls() const;
  std::vector<std::string_view> mechanisms() const {
    return auth::sasl::offered(limits_.offer, !channel_binding_.empty());
  }
  bool takes_passwords() const { return encrypted_ || limits_.clear_passwords; }
  bool allowed_now(const Command& command) const;
  Next refuse(std::string_view text, ReplyOutput& out);  // counts towards max_errors
  Task<Next> refuse_login(LoginRefusal refusal, ReplyOutput& out);
  Task<Next> go_on_with(tl::expected<SaslAnswer, LoginRefusal> answer, ReplyOutput& out);
  Task<Next> open_maildrop(Ticket ticket, ReplyOutput& out);
  void log_in(std::unique_ptr<Maildrop> maildrop, ReplyOutput& out);
  bool is_deleted(std::uint32_t number) const;
  // The reply text that says why `message` cannot be used now, or empty.
  std::string why_not(MessageNumber message) const;
  void listing_failed(const Error& error, ReplyOutput& out);
  Task<Next> list_all(bool unique_ids, ReplyOutput& out);
  Next list_one(MessageNumber message, bool unique_ids, ReplyOutput& out);
  Task<Next> send_message(MessageNumber message, std::uint64_t body_lines, bool say_octets,
                          ReplyOutput& out);
  std::vector<std::uint32_t> deleted_numbers() const;

  Client client_;
  std::string host_name_;
  std::string stamp_;  // that the client was greeted with; empty: none
  Services services_;
  SessionLimits limits_;
  State state_ = State::authorization;
  bool encrypted_ = false;
  unsigned failed_logins_ = 0;
  unsigned errors_ = 0;
  std::string channel_binding_;
  std::uint64_t exchange_ = 0;  // in `authenticating`: authd's number for it
  std::string user_;
  std::string mailbox_;
  std::unique_ptr<Maildrop> maildrop_;
  std::vector<bool> deleted_;  // by number - 1; empty until the first DELE
  std::uint32_t deleted_count_ = 0;
  std::uint64_t deleted_octets_ = 0;
};

}  // namespace toast::pop3
