#include "pop3d/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/base64.h"
#include "pop3d/message_reader.h"
#include "pop3d/wire_encoder.h"

namespace toast::pop3 {
namespace {

template <class... Arguments>
void say(ReplyOutput& out, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(out.buffer()), text, std::forward<Arguments>(arguments)...);
  out.buffer().append("\r\n");
}

constexpr std::string_view kEncryptFirst =
    "passwords are taken over encrypted connections only: STLS first";

// What a line of a listing takes: a number and a unique-id; and by how much a block of lines may be
// overshot, some 512 lines.
constexpr std::size_t kUsualLine = 80;
constexpr std::size_t kOvershoot = 512 * kUsualLine;

}  // namespace

Session::Session(Client client, std::string host_name, Services services, SessionLimits limits,
                 std::string stamp)
    : client_(std::move(client)),
      host_name_(std::move(host_name)),
      stamp_(std::move(stamp)),
      services_(services),
      limits_(limits) {}

void Session::greet(ReplyOutput& out) {
  if (!takes_passwords()) stamp_.clear();
  say(out, "+OK {} POP3 ready{}{}", host_name_, stamp_.empty() ? "" : " ", stamp_);
}

Task<Next> Session::answer(tl::expected<Command, SyntaxError> command, ReplyOutput& out) {
  if (!command) co_return refuse(command.error().reply, out);
  if (!allowed_now(*command)) {
    if (state_ == State::transaction) co_return refuse("already logged in", out);
    if (std::holds_alternative<Pass>(*command)) co_return refuse("USER first", out);
    if (std::holds_alternative<Stls>(*command)) co_return refuse("STLS comes before USER", out);
    if (std::holds_alternative<Auth>(*command)) co_return refuse("AUTH comes before USER", out);
    if (std::holds_alternative<Apop>(*command)) co_return refuse("APOP comes before USER", out);
    co_return refuse("log in first", out);
  }
  // Each alternative has its own answer(); the lambda only picks it and is no coroutine itself.
  Task<Next> answering =
      std::visit([this, &out](auto&& one) { return answer(std::forward<decltype(one)>(one), out); },
                 std::move(*command));
  co_return co_await std::move(answering);
}

bool Session::allowed_now(const Command& command) const {
  if (std::holds_alternative<Quit>(command) || std::holds_alternative<Capa>(command)) return true;
  if (std::holds_alternative<Stls>(command)) return state_ == State::authorization;
  if (std::holds_alternative<Auth>(command)) return state_ == State::authorization;
  if (std::holds_alternative<Apop>(command)) return state_ == State::authorization;
  if (std::holds_alternative<User>(command)) return state_ != State::transaction;
  if (std::holds_alternative<Pass>(command)) return state_ == State::user_given;
  return state_ == State::transaction;
}

Next Session::refuse(std::string_view text, ReplyOutput& out) {
  if (++errors_ >= limits_.max_errors) {
    services_.log.info("pop3.session.too_many_errors", {{"peer", client_.address}});
    say(out, "-ERR {}; too many errors, closing", text);
    state_ = State::closing;
    return Next::close;
  }
  say(out, "-ERR {}", text);
  return Next::go_on;
}

// Any name is taken: whether it exists shows only together with its password (RFC 1939 section 7).
Task<Next> Session::answer(User user, ReplyOutput& out) {
  if (!takes_passwords()) co_return refuse(kEncryptFirst, out);
  user_ = std::move(user.name);
  state_ = State::user_given;
  say(out, "+OK");
  co_return Next::go_on;
}

Task<Next> Session::answer(Pass pass, ReplyOutput& out) {
  state_ = State::authorization;
  std::string name = user_;
  Client client = client_;
  tl::expected<Ticket, LoginRefusal> ticket =
      co_await services_.logins.login(std::move(client), std::move(name), std::move(pass.password));
  co_return co_await conclude(std::move(ticket), out);
}

// Its digest is bound to the greeting, which only this connection has had.
Task<Next> Session::answer(Apop apop, ReplyOutput& out) {
  if (stamp_.empty()) co_return refuse("APOP is not offered on this connection", out);
  user_ = apop.name;
  Client client = client_;
  std::string stamp = stamp_;
  tl::expected<Ticket, LoginRefusal> ticket =
      co_await services_.logins.apop(std::move(client), std::move(apop), std::move(stamp));
  co_return co_await conclude(std::move(ticket), out);
}

Task<Next> Session::conclude(tl::expected<Ticket, LoginRefusal> ticket, ReplyOutput& out) {
  if (!ticket) {
    LoginRefusal refusal = std::move(ticket.error());
    co_return co_await refuse_login(std::move(refusal), out);
  }
  Ticket granted = std::move(*ticket);
  co_return co_await open_maildrop(std::move(granted), out);
}

Task<Next> Session::open_maildrop(Ticket ticket, ReplyOutput& out) {
  mailbox_ = ticket.mailbox;
  Client client = client_;
  Result<std::unique_ptr<Maildrop>> opened =
      co_await services_.maildrops.open(std::move(client), std::move(ticket));
  if (!opened) {
    services_.counters.logins_unavailable.add();
    services_.log.error(
        "pop3.maildrop.failed",
        {{"peer", client_.address}, {"user", user_}, {"reason", opened.error().detail}});
    say(out, "-ERR [SYS/TEMP] mailbox not available now, try again later");
    co_return Next::go_on;
  }
  log_in(std::move(*opened), out);
  co_return Next::go_on;
}

void Session::log_in(std::unique_ptr<Maildrop> maildrop, ReplyOutput& out) {
  maildrop_ = std::move(maildrop);
  state_ = State::transaction;
  services_.counters.logins.add();
  services_.log.info("pop3.login.ok", {{"peer", client_.address},
                                       {"user", user_},
                                       {"messages", maildrop_->count()},
                                       {"octets", maildrop_->octets()}});
  say(out, "+OK {} messages ({} octets)", maildrop_->count(), maildrop_->octets());
}

// Only a wrong name or password is [AUTH] (RFC 3206): a client that sees it asks its user for the
// password anew, which an outage must never cause.
Task<Next> Session::refuse_login(LoginRefusal refusal, ReplyOutput& out) {
  using Reason = LoginRefusal::Reason;
  if (refusal.reason == Reason::outage) {
    services_.counters.logins_unavailable.add();
    services_.log.error("pop3.login.outage",
                        {{"peer", client_.address}, {"reason", refusal.detail}});
    say(out, "-ERR [SYS/TEMP] cannot check passwords now, try again later");
    co_return Next::go_on;
  }
  services_.log.info("pop3.login.refused",
                     {{"peer", client_.address}, {"user", user_}, {"reason", refusal.detail}});
  services_.counters.logins_refused.add();
  ++failed_logins_;
  const bool last = failed_logins_ >= limits_.max_failed_logins;
  co_await services_.pause.wait(limits_.failed_login_pause);
  std::string_view text = "[AUTH] wrong name or password";
  if (refusal.reason == Reason::throttled)
    text = "[SYS/TEMP] too many failed logins, try again later";
  say(out, "-ERR {}{}", text, last ? "; closing" : "");
  if (!last) co_return Next::go_on;
  state_ = State::closing;
  co_return Next::close;
}

// RFC 2449 section 5. Alike for every user; what a client must not use now is left out.
Task<Next> Session::answer(Capa, ReplyOutput& out) {
  std::string& list = out.buffer();
  list += "+OK capability list follows\r\nTOP\r\n";
  if (takes_passwords()) {
    list += "USER\r\nSASL";
    for (const std::string_view mechanism : mechanisms()) (list += ' ') += mechanism;
    list += "\r\n";
  }
  list += "UIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\n";
  if (offers_tls() && state_ != State::transaction) list += "STLS\r\n";
  list += "EXPIRE NEVER\r\nIMPLEMENTATION Toastmaster\r\n.\r\n";
  co_return Next::go_on;
}

bool Session::offers_tls() const {
  return services_.tls != nullptr && services_.tls->is_offered() && !encrypted_;
}

Task<Next> Session::answer(Stls, ReplyOutput& out) {
  if (encrypted_) co_return refuse("this connection is encrypted already", out);
  if (!offers_tls()) co_return refuse("STLS is not offered here", out);
  if (!services_.tls->is_ready())
    co_return refuse("[SYS/TEMP] TLS is not available now, try again later", out);
  // What follows in clear text is no client's: somebody in between wants it to be taken for a
  // command that came encrypted.
  if (out.input_waits()) {
    services_.log.info("pop3.stls.injected", {{"peer", client_.address}});
    say(out, "-ERR input after STLS and before its reply, closing");
    state_ = State::closing;
    co_return Next::close;
  }
  say(out, "+OK begin TLS");
  co_return Next::start_tls;
}

// RFC 5034 section 4. What the mechanism says is between the client and authd.
Task<Next> Session::answer(Auth auth, ReplyOutput& out) {
  if (!takes_passwords()) co_return refuse(kEncryptFirst, out);
  if (auth.mechanism.empty()) {
    say(out, "+OK mechanisms follow");
    for (const std::string_view mechanism : mechanisms()) say(out, "{}", mechanism);
    say(out, ".");
    co_return Next::go_on;
  }
  user_.clear();
  SaslOpening opening{std::move(auth.mechanism), std::move(auth.initial), encrypted_,
                      channel_binding_};
  Client client = client_;
  tl::expected<SaslAnswer, LoginRefusal> answer =
      co_await services_.logins.sasl_begin(std::move(client), std::move(opening));
  co_return co_await go_on_with(std::move(answer), out);
}

Task<Next> Session::respond(tl::expected<SaslResponse, SyntaxError> response, ReplyOutput& out) {
  state_ = State::authorization;
  if (!response || !*response) {
    co_await services_.logins.sasl_cancel(exchange_);
    co_return refuse(response ? "AUTH is cancelled" : response.error().reply, out);
  }
  Secret message = std::move(**response);
  tl::expected<SaslAnswer, LoginRefusal> answer =
      co_await services_.logins.sasl_step(exchange_, std::move(message));
  co_return co_await go_on_with(std::move(answer), out);
}

Task<Next> Session::go_on_with(tl::expected<SaslAnswer, LoginRefusal> answer, ReplyOutput& out) {
  if (!answer) {
    LoginRefusal refusal = std::move(answer.error());
    if (refusal.reason == LoginRefusal::Reason::malformed)
      co_return refuse("the response is not what this mechanism calls for", out);
    if (refusal.reason == LoginRefusal::Reason::unsupported)
      co_return refuse("this mechanism is not offered here", out);
    co_return co_await refuse_login(std::move(refusal), out);
  }
  if (const auto* challenge = std::get_if<SaslChallenge>(&*answer)) {
    exchange_ = challenge->exchange;
    state_ = State::authenticating;
    say(out, "+ {}", base64_encode(challenge->text));
    co_return Next::go_on;
  }
  SaslGrant granted = std::move(std::get<SaslGrant>(*answer));
  user_ = std::move(granted.mailbox);
  co_return co_await open_maildrop(std::move(granted.ticket), out);
}

Task<> Session::hung_up() {
  if (state_ == State::authenticating) co_await services_.logins.sasl_cancel(exchange_);
}

void Session::secured(std::string channel_binding) {
  channel_binding_ = std::move(channel_binding);
  encrypted_ = true;
  user_.clear();
  state_ = State::authorization;
}

Task<Next> Session::answer(Noop, ReplyOutput& out) {
  say(out, "+OK");
  co_return Next::go_on;
}

Task<Next> Session::answer(Stat, ReplyOutput& out) {
  say(out, "+OK {} {}", maildrop_->count() - deleted_count_, maildrop_->octets() - deleted_octets_);
  co_return Next::go_on;
}

Task<Next> Session::answer(List list, ReplyOutput& out) {
  if (list.message) co_return list_one(*list.message, false, out);
  co_return co_await list_all(false, out);
}

Task<Next> Session::answer(Uidl uidl, ReplyOutput& out) {
  if (uidl.message) co_return list_one(*uidl.message, true, out);
  co_return co_await list_all(true, out);
}

bool Session::is_deleted(std::uint32_t number) const {
  return !deleted_.empty() && deleted_[number - 1];
}

std::string Session::why_not(MessageNumber message) const {
  if (message.value == 0) return "no such message, the first one is 1";
  if (message.value > maildrop_->count())
    return fmt::format("no such message, there are {}", maildrop_->count());
  if (is_deleted(message.value)) return fmt::format("message {} is deleted", message.value);
  return {};
}

void Session::listing_failed(const Error& error, ReplyOutput& out) {
  services_.log.error("pop3.listing.failed", {{"user", user_}, {"reason", error.detail}});
  say(out, "-ERR [SYS/TEMP] cannot read the listing");
}

Next Session::list_one(MessageNumber message, bool unique_ids, ReplyOutput& out) {
  const std::string refusal = why_not(message);
  if (!refusal.empty()) {
    say(out, "-ERR {}", refusal);
    return Next::go_on;
  }
  std::string unique_id;
  const Result<ListedMessage> found = maildrop_->find(message.value, unique_id);
  if (!found) {
    listing_failed(found.error(), out);
  } else if (unique_ids) {
    say(out, "+OK {} {}", found->number, found->unique_id);
  } else {
    say(out, "+OK {} {}", found->number, found->octets);
  }
  return Next::go_on;
}

// Block by block, so that a mailbox of any size costs one block of memory.
Task<Next> Session::list_all(bool unique_ids, ReplyOutput& out) {
  if (unique_ids) {
    say(out, "+OK unique-id listing follows");
  } else {
    say(out, "+OK {} messages ({} octets)", maildrop_->count() - deleted_count_,
        maildrop_->octets() - deleted_octets_);
  }
  out.buffer().reserve(
      std::min(out.block_bytes() + kOvershoot, (maildrop_->count() + 2) * kUsualLine));
  const auto show = [&](const ListedMessage& message) {
    if (is_deleted(message.number)) return;
    std::string& buffer = out.buffer();
    const fmt::format_int number(message.number);
    buffer.append(number.data(), number.size()).push_back(' ');
    if (unique_ids) {
      buffer.append(message.unique_id);
    } else {
      const fmt::format_int octets(message.octets);
      buffer.append(octets.data(), octets.size());
    }
    buffer.append("\r\n");
  };
  const Maildrop::Visitor visitor = show;
  const auto columns = unique_ids ? Maildrop::Columns::unique_ids : Maildrop::Columns::octets;
  std::uint32_t next = 1;
  while (next <= maildrop_->count()) {
    const Result<std::uint32_t> after = maildrop_->visit(next, columns, visitor);
    if (!after || *after <= next) {
      // Half a listing is on its way: only a hang-up tells the client that it is not whole.
      services_.log.error(
          "pop3.listing.failed",
          {{"user", user_}, {"reason", after ? "no progress" : after.error().detail.c_str()}});
      state_ = State::closing;
      co_return Next::close;
    }
    next = *after;
    if (out.buffer().size() < out.block_bytes()) continue;
    const bool sent = co_await out.drain();
    if (!sent) co_return Next::close;
  }
  out.buffer().append(".\r\n");
  co_return Next::go_on;
}

Task<Next> Session::answer(Retr retr, ReplyOutput& out) {
  co_return co_await send_message(retr.message, WireEncoder::kWholeMessage, true, out);
}

Task<Next> Session::answer(Top top, ReplyOutput& out) {
  co_return co_await send_message(top.message, top.lines, false, out);
}

Task<Next> Session::send_message(MessageNumber message, std::uint64_t body_lines, bool say_octets,
                                 ReplyOutput& out) {
  const std::string refusal = why_not(message);
  if (!refusal.empty()) {
    say(out, "-ERR {}", refusal);
    co_return Next::go_on;
  }
  Result<Fd> file = co_await maildrop_->open_message(message.value);
  std::string unique_id;
  Result<ListedMessage> listed = maildrop_->find(message.value, unique_id);
  if (file && !listed) file = pass(listed);
  if (!file) {
    services_.log.warning(
        "pop3.message.unavailable",
        {{"user", user_}, {"message", message.value}, {"reason", file.error().detail}});
    const bool gone = file.error().failure == Failure::permanent;
    say(out, "-ERR [SYS/TEMP] message {} {}", message.value,
        gone ? "was removed by another program" : "cannot be read now, try again later");
    co_return Next::go_on;
  }
  if (say_octets) {
    say(out, "+OK {} octets", listed->octets);
  } else {
    say(out, "+OK");
  }
  const Result<bool> sent = co_await stream_message(std::move(*file), body_lines, out);
  if (sent && *sent) {
    services_.counters.messages_sent.add();
    co_return Next::go_on;
  }
  // The reply is cut: without its final dot the client knows that the message is not whole.
  if (!sent) {
    services_.log.error(
        "pop3.message.cut",
        {{"user", user_}, {"message", message.value}, {"reason", sent.error().detail}});
  }
  state_ = State::closing;
  co_return Next::close;
}

Task<Next> Session::answer(Dele dele, ReplyOutput& out) {
  const std::string refusal = why_not(dele.message);
  if (!refusal.empty()) {
    say(out, "-ERR {}", refusal);
    co_return Next::go_on;
  }
  std::string unique_id;
  const Result<ListedMessage> listed = maildrop_->find(dele.message.value, unique_id);
  if (!listed) {
    listing_failed(listed.error(), out);
    co_return Next::go_on;
  }
  if (deleted_.empty()) deleted_.resize(maildrop_->count());
  deleted_[dele.message.value - 1] = true;
  ++deleted_count_;
  deleted_octets_ += listed->octets;
  say(out, "+OK message {} deleted", dele.message.value);
  co_return Next::go_on;
}

Task<Next> Session::answer(Rset, ReplyOutput& out) {
  deleted_ = std::vector<bool>();
  deleted_count_ = 0;
  deleted_octets_ = 0;
  say(out, "+OK {} messages ({} octets)", maildrop_->count(), maildrop_->octets());
  co_return Next::go_on;
}

std::vector<std::uint32_t> Session::deleted_numbers() const {
  std::vector<std::uint32_t> numbers;
  numbers.reserve(deleted_count_);
  for (std::uint32_t i = 0; i < deleted_.size(); ++i)
    if (deleted_[i]) numbers.push_back(i + 1);
  return numbers;
}

// The only place where mail is deleted: the UPDATE state (RFC 1939 section 6). A lost connection or
// a timeout never comes here.
Task<Next> Session::answer(Quit, ReplyOutput& out) {
  const bool update = state_ == State::transaction && deleted_count_ > 0;
  state_ = State::closing;
  if (!update) {
    say(out, "+OK bye");
    co_return Next::close;
  }
  std::vector<std::uint32_t> numbers = deleted_numbers();
  const Result<std::uint32_t> left = co_await maildrop_->remove(std::move(numbers));
  if (left) services_.counters.messages_deleted.add(deleted_count_ - *left);
  if (!left) {
    services_.log.error("pop3.delete.failed", {{"user", user_}, {"reason", left.error().detail}});
    say(out, "-ERR [SYS/TEMP] some deleted messages were not removed, try again later");
  } else if (*left > 0) {
    services_.log.error("pop3.delete.partial",
                        {{"user", user_}, {"asked", deleted_count_}, {"left", *left}});
    say(out, "-ERR [SYS/TEMP] {} of {} deleted messages were not removed", *left, deleted_count_);
  } else {
    services_.log.info("pop3.delete.done", {{"user", user_}, {"messages", deleted_count_}});
    say(out, "+OK bye, {} messages deleted", deleted_count_);
  }
  co_return Next::close;
}

}  // namespace toast::pop3
