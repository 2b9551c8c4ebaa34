#include "mta/remote/connection.h"

#include <algorithm>

#include "mta/remote/outcome.h"

namespace toast::remote {

Connection::Connection(std::unique_ptr<smtp::Wire> wire, const Clock& clock, Setup setup)
    : wire_(std::move(wire)), clock_(clock), setup_(std::move(setup)), until_(clock.steady()) {}

void Connection::set_deadline(std::chrono::seconds patience) {
  wire_->set_deadline(std::min(until_, clock_.steady() + patience));
}

Error Connection::lost(smtp::WireEnd end, const std::string& to_what) {
  usable_ = false;
  lost_ = true;
  const bool timed_out = end == smtp::WireEnd::timed_out;
  std::string why = timed_out ? "no answer in time to " : "connection lost at ";
  why += to_what;
  return {Failure::transient, "4.4.2 " + setup_.peer + ": " + why, why};
}

Error Connection::refused(const RemoteReply& reply) {
  usable_ = false;
  return {Failure::transient, outcome_of(reply, Failure::transient).text,
          "refused us: " + quote(reply)};
}

Task<Result<void>> Connection::send(std::string bytes) { co_return co_await send_all(bytes); }

Task<Result<void>> Connection::send_all(std::string& bytes) {
  set_deadline(setup_.reply_timeout);
  while (true) {
    if (!wire_->write_some(bytes)) co_return tl::unexpected(lost(smtp::WireEnd::closed, "sending"));
    if (bytes.empty()) co_return Result<void>{};
    auto ready = co_await wire_->writable();
    if (!ready) co_return tl::unexpected(lost(ready.error(), "sending"));
  }
}

Task<Result<RemoteReply>> Connection::read_within(std::chrono::seconds patience,
                                                  std::string to_what) {
  set_deadline(patience);
  while (true) {
    std::string_view input = unread_;
    const ReplyReader::Event event = reader_.next(input);
    unread_.erase(0, unread_.size() - input.size());
    if (event == ReplyReader::Event::reply) {
      RemoteReply reply = reader_.take();
      if (reply.code == 421) usable_ = false;  // it closes now, RFC 5321 section 3.8
      co_return reply;
    }
    if (event != ReplyReader::Event::need_more) {
      usable_ = false;
      const bool large = event == ReplyReader::Event::too_large;
      std::string why = large ? "an endless reply to " : "a reply that is none to ";
      why += to_what;
      co_return transient(why, "4.5.0 " + setup_.peer + ": " + why);
    }
    auto bytes = co_await wire_->read(false);
    if (!bytes) co_return tl::unexpected(lost(bytes.error(), to_what));
    unread_.append(*bytes);
  }
}

Task<Result<RemoteReply>> Connection::read_reply(std::string to_what) {
  return read_within(setup_.reply_timeout, std::move(to_what));
}

// RFC 5321 section 4.5.3.2.6: 10 minutes, where other replies have 5.
Task<Result<RemoteReply>> Connection::read_final_reply(std::string to_what) {
  return read_within(2 * setup_.reply_timeout, std::move(to_what));
}

Task<Result<RemoteReply>> Connection::ask(std::string command, std::string name) {
  Result<void> silent = check_silent();
  if (!silent) co_return pass(silent);
  command += "\r\n";
  Result<void> sent = co_await send(std::move(command));
  if (!sent) co_return pass(sent);
  co_return co_await read_reply(std::move(name));
}

Result<void> Connection::check_silent() {
  if (unread_.empty()) {
    auto bytes = wire_->read_now();
    if (!bytes) return tl::unexpected(lost(bytes.error(), "the next command"));
    unread_.append(*bytes);
  }
  if (unread_.empty()) return {};
  usable_ = false;
  const bool closing = unread_.starts_with("421");
  const std::string why =
      closing ? "the host closes the connection" : "the host speaks before it is asked";
  return transient(why, (closing ? "4.4.2 " : "4.5.0 ") + setup_.peer + ": " + why);
}

Task<Result<void>> Connection::greet(SteadyTime until) {
  until_ = until;
  Result<RemoteReply> greeting = co_await read_reply("the greeting");
  if (!greeting) co_return pass(greeting);
  if (!greeting->is_positive()) co_return tl::unexpected(refused(*greeting));
  co_return co_await introduce();
}

Task<Result<void>> Connection::introduce() {
  const bool lmtp = setup_.protocol == Protocol::lmtp;
  const std::string verb = lmtp ? "LHLO" : "EHLO";
  Result<RemoteReply> reply = co_await ask(verb + " " + setup_.helo, verb);
  if (!reply) co_return pass(reply);
  if (reply->is_positive()) {
    capabilities_ = Capabilities::parse(reply->text);
    co_return Result<void>{};
  }
  if (lmtp || !reply->is_permanent()) co_return tl::unexpected(refused(*reply));
  reply = co_await ask("HELO " + setup_.helo, "HELO");
  if (!reply) co_return pass(reply);
  if (!reply->is_positive()) co_return tl::unexpected(refused(*reply));
  co_return Result<void>{};
}

// A host that does not like our handshake may say so as late as in place of its answer to EHLO: in
// TLS 1.3 the client is done first.
Task<Result<void>> Connection::start_tls(TlsStarter& starter, tls::Policy policy) {
  Result<void> changed = co_await change_to_tls(starter, policy);
  tls_failed_ = !changed;
  if (!changed) co_return changed;
  capabilities_ = {};
  Result<void> introduced = co_await introduce();
  tls_failed_ = !introduced && lost_;
  co_return introduced;
}

// What comes behind the 220 was not said under TLS, though it would be read as if (section 6): the
// connection ends.
Task<Result<void>> Connection::change_to_tls(TlsStarter& starter, tls::Policy policy) {
  Result<RemoteReply> reply = co_await ask("STARTTLS", "STARTTLS");
  if (!reply) co_return pass(reply);
  if (reply->code != 220) co_return transient("STARTTLS is refused: " + quote(*reply));
  Result<void> silent = check_silent();
  if (!silent) co_return silent;
  set_deadline(kHandshakeTime);
  usable_ = false;
  tls::Peer peer{setup_.server_name, setup_.peer, setup_.address};
  Result<SecureWire> secure = co_await starter.start(std::move(wire_), policy, std::move(peer));
  if (!secure) co_return pass(secure);
  wire_ = std::move(secure->wire);
  tls_ = secure->protocol + " " + secure->cipher;
  tls_resumed_ = secure->resumed;
  usable_ = true;
  co_return Result<void>{};
}

// The answer names AUTH and nothing that was sent.
Task<Result<RemoteReply>> Connection::ask_secretly(Secret line) {
  Result<void> silent = check_silent();
  if (!silent) co_return pass(silent);
  std::string bytes;
  bytes.reserve(line.size() + 2);
  bytes.append(line.view()).append("\r\n");
  Result<void> sent = co_await send_all(bytes);
  bytes.resize(bytes.capacity());  // what was sent lies behind its end
  wipe(bytes);
  if (!sent) co_return pass(sent);
  co_return co_await read_reply("AUTH");
}

Task<Result<void>> Connection::log_in(Login login) {
  std::vector<LoginStep> steps = login_steps(login, capabilities_);
  if (steps.empty()) {
    usable_ = false;
    const std::string why = "the host offers no AUTH with PLAIN or LOGIN";
    co_return transient(why, "4.7.0 " + setup_.peer + ": " + why);
  }
  for (LoginStep& step : steps) {
    Result<RemoteReply> reply = co_await ask_secretly(std::move(step.line));
    if (!reply) co_return pass(reply);
    if (reply->code != step.expected) co_return tl::unexpected(refused(*reply));
  }
  co_return Result<void>{};
}

void Connection::begin_transaction(SteadyTime until) {
  until_ = until;
  ++transactions_;
}

bool Connection::can_carry_more() {
  const std::size_t most =
      capabilities_.max_mails == 0 ? kMaxTransactions : capabilities_.max_mails;
  return usable_ && transactions_ < most && check_silent().has_value();
}

Task<> Connection::quit() {
  if (!usable_) co_return;
  until_ = clock_.steady() + kFarewell;
  (void)co_await ask("QUIT", "QUIT");
}

}  // namespace toast::remote
