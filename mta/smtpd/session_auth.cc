// AUTH (RFC 4954): the exchange between the client and authd, which alone reads what is said; and
// the right to send, which queued grants for authd's ticket. Whatever may hold a password is wiped
// as soon as it has been handed on.
#include "base/base64.h"
#include "mta/smtpd/session.h"

namespace toast::smtpd {

using smtp::Reply;
using Outcome = auth::SaslReply::Outcome;

// On submission ports always; where the world comes in, if the operator wants it so.
bool Session::takes_logins() const {
  return services_.auth != nullptr && (port_ != Port::smtp || options_->auth_on_smtp);
}

bool Session::offers_auth() const {
  return takes_logins() && security_.encrypted && security_.authenticated.empty();
}

std::optional<Reply> Session::refuse_auth() const {
  if (!takes_logins()) return Reply{502, "5.5.1 AUTH is not offered here"};
  if (state_ == State::connected || hello_ != Hello::ehlo) return Reply{503, "5.5.1 EHLO first"};
  if (state_ != State::greeted) return Reply{503, "5.5.1 not within a message: RSET first"};
  if (!security_.authenticated.empty()) return Reply{503, "5.5.1 you have logged in already"};
  if (!security_.encrypted)  // a password that came is known to all on its way
    return Reply{538, "5.7.11 encryption required: STARTTLS first"};
  return std::nullopt;
}

Task<> Session::answer_auth(smtp::Auth auth) {
  std::optional<Reply> refusal = refuse_auth();
  if (!refusal && auth.initial && auth.initial->size() > auth::kMaxSaslMessage)
    refusal = smtp::auth_too_long();
  if (refusal) {
    refuse(*refusal);
    co_return;
  }
  std::string mechanism = auth.mechanism;
  auth::SaslStart start;
  start.service = auth::Service::smtp;
  start.mechanism = std::move(auth.mechanism);
  start.has_initial = auth.initial.has_value();
  if (auth.initial) start.initial = std::move(*auth.initial);
  start.encrypted = true;
  start.channel_binding = security_.channel_binding;
  start.peer = peer_text_;
  start.connection = id_;
  start.local = local_text_;
  Result<auth::SaslReply> reply = co_await services_.auth->start(std::move(start));
  while (reply && reply->outcome == Outcome::challenge) {
    const std::uint64_t exchange = reply->exchange;
    out_ += "334 " + base64_encode(reply->challenge) + "\r\n";
    tl::expected<Secret, Reply> response = co_await read_response();
    if (!response) {
      co_await services_.auth->cancel(exchange);
      if (state_ != State::closing) refuse(response.error());
      co_return;
    }
    auth::SaslStep step{exchange, std::move(*response)};
    reply = co_await services_.auth->step(std::move(step));
  }
  co_await conclude(std::move(reply), std::move(mechanism));
}

// The client's next message, base64 taken off. With the state `closing` there is none.
Task<tl::expected<Secret, Reply>> Session::read_response() {
  set_deadline();
  lines_.expect_response(true);
  const std::optional<smtp::LineEvent> event = co_await next_event();
  lines_.expect_response(false);
  if (!event) co_return tl::unexpected(Reply{});
  if (*event == smtp::LineEvent::auth_too_long) co_return tl::unexpected(smtp::auth_too_long());
  if (*event == smtp::LineEvent::bare_newline)
    co_return tl::unexpected(smtp::bare_newline_in_command());
  if (*event != smtp::LineEvent::line) co_return tl::unexpected(smtp::bad_byte_in_command());
  if (lines_.line() == "*") co_return tl::unexpected(Reply{501, "5.7.0 cancelled"});
  std::optional<Secret> response = base64_decode(lines_.line());
  forget_line();
  if (!response) co_return tl::unexpected(smtp::bad_base64());
  if (response->size() > auth::kMaxSaslMessage) co_return tl::unexpected(smtp::auth_too_long());
  co_return std::move(*response);
}

Task<> Session::conclude(Result<auth::SaslReply> reply, std::string mechanism) {
  if (!reply) {  // an outage is never a wrong password
    refuse_login({454, "4.7.0 no logins at present, try again later"}, mechanism,
                 reply.error().detail);
    co_return;
  }
  switch (reply->outcome) {
    case Outcome::granted:
      co_await log_in(std::move(*reply), std::move(mechanism));
      break;
    case Outcome::challenge:
    case Outcome::refused:
      ++failed_logins_;
      refuse_login({535, "5.7.8 name or password is wrong"}, mechanism, "refused");
      break;
    case Outcome::throttled:
      ++failed_logins_;
      refuse_login({454, "4.7.0 too many failed logins, try again in " +
                             std::to_string(reply->retry_after) + " seconds"},
                   mechanism, "throttled");
      break;
    case Outcome::malformed:
      refuse_login({501, "5.5.2 this is not what the mechanism calls for"}, mechanism, "malformed");
      break;
    case Outcome::unsupported:
      refuse_login({504, "5.5.4 mechanism not known"}, mechanism, "unsupported");
      break;
  }
  if (failed_logins_ >= options_->max_auth_failures)
    close_with({421, "4.7.0 too many failed logins"}, "failed logins");
}

Task<> Session::log_in(auth::SaslReply grant, std::string mechanism) {
  std::string ticket = std::move(grant.ticket);
  std::string connection = id_;
  Result<std::unique_ptr<SendingRight>> right =
      co_await services_.queue.redeem(std::move(ticket), std::move(connection));
  Result<Address> login = Address::parse(grant.mailbox);
  if (!right || !login) {
    refuse_login({454, "4.7.0 no logins at present, try again later"}, mechanism,
                 right ? login.error().detail : right.error().detail);
    co_return;
  }
  login_ = std::move(*login);
  right_ = std::move(*right);
  security_.authenticated = std::move(grant.mailbox);
  security_.may_relay = true;
  services_.counters.logins.add();
  services_.log.info("smtp.login.granted", {{"session", id_},
                                            {"peer", peer_text_},
                                            {"login", security_.authenticated},
                                            {"mechanism", mechanism}});
  say({235, "2.7.0 welcome"});
}

void Session::refuse_login(const Reply& reply, std::string_view mechanism,
                           std::string_view reason) {
  services_.counters.refused_logins.add();
  services_.log.info("smtp.login.refused", {{"session", id_},
                                            {"peer", peer_text_},
                                            {"mechanism", mechanism},
                                            {"code", std::to_string(reply.code) + " " + reply.text},
                                            {"reason", reason}});
  refuse(reply);
}

}  // namespace toast::smtpd
