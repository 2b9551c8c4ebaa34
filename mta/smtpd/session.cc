#include "mta/smtpd/session.h"

#include <string.h>  // explicit_bzero

#include <algorithm>

namespace toast::smtpd {
namespace {

constexpr std::size_t kMaxPendingReplies = 16 * 1024;  // then they are sent before more is answered
constexpr std::size_t kKeptBuffer = 1024;              // larger buffers are freed while idle
// For the last words before we close: they go out at once or not at all.
constexpr std::chrono::seconds kFarewell{2};

// Costs little and brings nothing forward.
bool is_noop(const smtp::Command& command) {
  return std::holds_alternative<smtp::Noop>(command) ||
         std::holds_alternative<smtp::Rset>(command) ||
         std::holds_alternative<smtp::Vrfy>(command) ||
         std::holds_alternative<smtp::Help>(command) ||
         std::holds_alternative<smtp::Helo>(command) || std::holds_alternative<smtp::Ehlo>(command);
}

void free_if_large(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptBuffer) std::string().swap(buffer);
}

}  // namespace

std::string_view describe(WireEnd end) {
  switch (end) {
    case WireEnd::closed:
      return "client closed";
    case WireEnd::timed_out:
      return "timeout";
    case WireEnd::stopped:
      return "shutdown";
  }
  return "closed";
}

Session::Session(std::shared_ptr<const Options> options, Services& services, const IpAddress& peer,
                 std::unique_ptr<Wire> wire, Port port, const IpAddress& local)
    : options_(std::move(options)),
      services_(services),
      peer_text_(peer.str()),
      local_text_(local.str()),
      id_(services.ids.next().str()),
      own_client_(contains(options_->relay_networks, peer)),
      port_(port),
      wire_(std::move(wire)) {
  security_.may_relay = own_client_;
}

Task<> Session::run() {
  session_end_ = services_.clock.steady() + options_->session_timeout;
  if (port_ == Port::submissions) {
    const bool encrypted = co_await begin_tls();
    if (!encrypted) co_return log_close();
  }
  lines_.allow_auth(takes_logins());
  set_deadline();
  say({220, options_->greeting + " ESMTP"});
  while (state_ != State::closing) {
    const std::optional<smtp::LineEvent> event = co_await next_event();
    if (!event) break;
    co_await answer_event(*event);
    set_deadline();
    if (out_.size() > kMaxPendingReplies) {
      const bool sent = co_await flush();
      if (!sent) break;
    }
  }
  wire_->set_deadline(services_.clock.steady() + kFarewell);
  (void)co_await flush();
  right_.reset();
  log_close();
}

// Nothing: the connection has ended.
Task<std::optional<smtp::LineEvent>> Session::next_event() {
  while (true) {
    const smtp::LineEvent event = lines_.next(pending_);
    if (event != smtp::LineEvent::need_more) co_return event;
    // The one place where replies are sent: when all that has arrived is answered (RFC 2920, 3.2).
    const bool more = co_await refill();
    if (!more) co_return std::nullopt;
  }
}

// The next command has this long to arrive whole; bytes that trickle in do not extend it.
void Session::set_deadline() {
  const SteadyTime now = services_.clock.steady();
  wire_->set_deadline(std::min(now + options_->command_timeout, session_end_));
}

Task<bool> Session::refill() {
  const bool sent = co_await flush();
  if (!sent) co_return false;
  release_input();
  const bool between_transactions = state_ == State::connected || state_ == State::greeted;
  auto bytes = co_await wire_->read(between_transactions);
  if (!bytes) {
    end(bytes.error());
    co_return false;
  }
  input_.assign(*bytes);
  pending_ = input_;
  if (offers_auth()) wire_->forget_input();
  co_return true;
}

// Of a client that may be telling us its password nothing stays behind.
void Session::release_input() {
  if (offers_auth()) wipe(input_);
  free_if_large(input_);
  pending_ = {};
}

// The line that was read, and everything before it.
void Session::forget_line() {
  lines_.forget_line();
  explicit_bzero(input_.data(), input_.size() - pending_.size());
}

Task<bool> Session::flush() {
  while (!out_.empty()) {
    if (!wire_->write_some(out_)) {
      out_.clear();
      end(WireEnd::closed);
      co_return false;
    }
    if (out_.empty()) break;
    auto ready = co_await wire_->writable();
    if (!ready) {
      out_.clear();
      end(ready.error());
      co_return false;
    }
  }
  free_if_large(out_);
  co_return true;
}

Task<> Session::answer_event(smtp::LineEvent event) {
  switch (event) {
    case smtp::LineEvent::line:
      break;
    case smtp::LineEvent::too_long:
      refuse(smtp::line_too_long());
      co_return;
    case smtp::LineEvent::auth_too_long:
      refuse(smtp::auth_too_long());
      co_return;
    case smtp::LineEvent::bare_newline:
      refuse(smtp::bare_newline_in_command());
      co_return;
    case smtp::LineEvent::bad_byte:
      refuse(smtp::bad_byte_in_command());
      co_return;
    case smtp::LineEvent::need_more:
      co_return;
  }
  auto command = smtp::parse_command(lines_.line());
  if (smtp::is_auth_line(lines_.line())) forget_line();
  if (!command) {
    refuse(command.error());
    co_return;
  }
  co_await answer(std::move(*command));
}

Task<> Session::answer(smtp::Command command) {
  if (auto* mail = std::get_if<smtp::Mail>(&command)) {
    co_await answer_mail(std::move(*mail));
  } else if (auto* rcpt = std::get_if<smtp::Rcpt>(&command)) {
    co_await answer_rcpt(std::move(*rcpt));
  } else if (std::holds_alternative<smtp::Data>(command)) {
    co_await answer_data();
  } else if (auto* auth = std::get_if<smtp::Auth>(&command)) {
    co_await answer_auth(std::move(*auth));
  } else if (std::holds_alternative<smtp::StartTls>(command)) {
    co_await answer_starttls();
  } else {
    const smtp::Reply reply = answer_plain(command);
    if (reply.is_error())
      refuse(reply);
    else
      say(reply);
    if (is_noop(command)) count_noop();
  }
}

void Session::say(const smtp::Reply& reply) { append_reply(out_, reply); }

void Session::refuse(const smtp::Reply& reply) {
  say(reply);
  if (reply.is_permanent() && ++errors_ >= options_->max_errors)
    close_with({421, "4.7.0 too many errors"}, "too many errors");
}

void Session::close_with(const smtp::Reply& reply, std::string_view reason) {
  if (state_ == State::closing) return;
  say(reply);
  close_reason_ = reason;
  state_ = State::closing;
}

// NOOP and its like cost little each and hold a connection for ever (RFC 5321 section 7.8).
void Session::count_noop() {
  if (++noops_ > options_->max_noops)
    close_with({421, "4.7.0 too many commands without a message"}, "too many noops");
}

void Session::end(WireEnd how) {
  if (state_ == State::closing) return;
  if (how == WireEnd::timed_out) {
    services_.counters.timeouts.add();
    close_with({421, "4.4.2 timeout, closing connection"}, "timeout");
  } else if (how == WireEnd::stopped && locked_out_) {
    close_with({421, "4.7.0 this account has been locked"}, "account locked");
  } else if (how == WireEnd::stopped) {
    close_with({421, "4.3.2 shutting down, try again in a moment"}, "shutdown");
  } else {
    close_reason_ = "client closed";
    state_ = State::closing;
  }
}

void Session::log_close() {
  services_.log.info("smtp.session.closed", {{"session", id_},
                                             {"peer", peer_text_},
                                             {"helo", helo_},
                                             {"tls", tls_},
                                             {"login", security_.authenticated},
                                             {"reason", close_reason_},
                                             {"messages", messages_},
                                             {"errors", errors_}});
}

}  // namespace toast::smtpd
