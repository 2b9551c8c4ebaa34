// TLS: STARTTLS (RFC 3207), from the command to the first one after the handshake; and from the
// first byte (RFC 8314).
#include <algorithm>

#include "mta/smtpd/session.h"

namespace toast::smtpd {
namespace {

// A handshake is four packets and some arithmetic.
constexpr std::chrono::seconds kHandshakeTime{60};

}  // namespace

using smtp::Reply;

bool Session::offers_tls() const {
  return services_.tls != nullptr && services_.tls->is_offered() && !security_.encrypted;
}

std::optional<Reply> Session::refuse_starttls() {
  if (security_.encrypted) return Reply{503, "5.5.1 this connection is encrypted already"};
  if (!offers_tls()) return Reply{502, "5.5.1 STARTTLS is not offered here"};
  if (state_ == State::connected) return Reply{503, "5.5.1 EHLO first"};
  if (!services_.tls->is_ready())
    return Reply{454, "4.7.0 TLS is not available now, try again later"};
  return std::nullopt;
}

Task<> Session::answer_starttls() {
  if (const std::optional<Reply> refusal = refuse_starttls()) {
    refuse(*refusal);
    co_return;
  }
  // What follows the command in clear text is no client's: somebody in between wants it to be taken
  // for a command that came encrypted (RFC 3207 section 4.2, CVE-2011-0411).
  auto injected = wire_->read_now();
  if (!pending_.empty() || (injected && !injected->empty())) {
    close_with({554, "5.5.1 input after STARTTLS and before its reply"}, "input after STARTTLS");
    co_return;
  }
  say({220, "2.0.0 begin TLS"});
  const bool sent = co_await flush();
  if (!sent) co_return;
  release_input();
  (void)co_await begin_tls();
}

// False: the connection is over.
Task<bool> Session::begin_tls() {
  wire_->set_deadline(std::min(services_.clock.steady() + kHandshakeTime, session_end_));
  TlsStart start;
  start.failure = "there is no certificate";
  if (services_.tls != nullptr && services_.tls->is_offered()) {
    const tls::Floor floor =
        port_ == Port::smtp ? options_->tls_floor : options_->submission_tls_floor;
    std::unique_ptr<Wire> clear = std::move(wire_);
    start = co_await services_.tls->start(std::move(clear), floor);
    wire_ = std::move(start.wire);
  }
  if (!start.failure.empty()) {
    services_.counters.tls_failures.add();
    services_.log.info("smtp.tls.failed",
                       {{"session", id_}, {"peer", peer_text_}, {"reason", start.failure}});
    close_reason_ = "TLS handshake failed";
    state_ = State::closing;  // without a word: there is nobody to read it
    co_return false;
  }
  services_.counters.tls_sessions.add();
  if (start.resumed) services_.counters.tls_resumed.add();
  forget_clear_text();
  security_.channel_binding = std::move(start.channel_binding);
  tls_ = start.version + " " + start.cipher;
  co_return true;
}

// Whatever was said before may have been somebody else's (RFC 3207 section 4.2). The counts of what
// was refused stay.
void Session::forget_clear_text() {
  hello_ = Hello::none;
  helo_.clear();
  transaction_ = {};
  lines_ = {};
  lines_.allow_auth(takes_logins());
  state_ = State::connected;
  security_ = {};
  right_.reset();
  login_.reset();
  security_.encrypted = true;
  security_.may_relay = own_client_;
}

}  // namespace toast::smtpd
