// From DATA to the reply to the final dot.
//   1. 354; 2. read to the real end, whatever is wrong; 3. the queue has it on stable storage;
//   4. only then 250. If anything fails before 3, nothing is kept and the client keeps the message.
#include <algorithm>

#include "mta/message/headers.h"
#include "mta/message/received.h"
#include "mta/smtpd/session.h"
#include "mta/smtpd/submitted_header.h"

namespace toast::smtpd {

using smtp::Reply;
using smtp::reply_for;

// A message in arrival.
class Session::Body {
 public:
  // `submitted`: by one of our own users, so that its header is completed.
  Body(const Options& options, MessageId message_id, WallTime now, std::string received,
       bool submitted, Envelope envelope, MessageQueue& queue)
      : id(message_id),
        recipients(envelope.recipients.size()),
        reader_(options.max_message_bytes, options.bare_newline),
        max_hops_(options.max_hops),
        host_(options.host),
        now_(now),
        holding_(submitted),
        content_(std::move(received)),
        submission_(queue.submit(std::move(envelope))) {}

  // Takes from the front of `input`. True: the message has ended.
  bool feed(std::string_view& input) {
    std::string& to = holding_ ? header_ : content_;
    const std::size_t before = to.size();
    grow_for(to, input.size());
    const bool ended = reader_.feed(input, to);
    hops_.feed(std::string_view(to).substr(before));
    if (holding_ && !refused()) release_header(before, ended);
    if (refused() || failure_) drop();
    return ended;
  }
  bool chunk_ready() const { return submission_ && content_.size() >= kMaxBodyChunk; }
  // Hands one chunk on. A failure is kept for the end: the client is still sending.
  Task<> hand_on() {
    std::string chunk = content_.substr(0, kMaxBodyChunk);
    content_.erase(0, kMaxBodyChunk);
    Result<void> stored = co_await submission_->chunk(std::move(chunk));
    if (stored) co_return;
    failure_ = std::move(stored.error());
    drop();
  }
  Task<Result<void>> finish() {
    if (failure_) co_return tl::unexpected(std::move(*failure_));
    std::string last = std::move(content_);
    co_return co_await submission_->finish(std::move(last));
  }
  // What is wrong with the message itself.
  std::optional<Reply> fault() const {
    if (reader_.bare_newline())
      return Reply{550, "5.6.11 a CR or LF stands alone; lines end with CR and LF"};
    if (reader_.too_large()) return Reply{552, "5.3.4 message too large"};
    if (too_many_hops()) return Reply{554, "5.4.6 too many hops, this message is looping"};
    return bad_header_;
  }
  std::vector<Address> take_authors() { return std::move(authors_); }
  std::uint64_t size() const { return reader_.size(); }

  const MessageId id;
  const std::size_t recipients;

 private:
  bool too_many_hops() const { return hops_.hops() >= max_hops_; }
  bool refused() const {
    return reader_.bare_newline() || reader_.too_large() || too_many_hops() || bad_header_;
  }
  void drop() {
    submission_.reset();
    holding_ = false;
    std::string().swap(content_);
    std::string().swap(header_);
  }
  static void grow_for(std::string& text, std::size_t more) {
    if (text.capacity() - text.size() < more)
      text.reserve(std::max(text.size() + more, 2 * text.size()));
  }
  // Once the header is whole, it goes on with what was added, and the body behind it.
  void release_header(std::size_t searched, bool is_all) {
    const std::size_t body = find_body(header_, searched, is_all);
    if (body == std::string::npos) {
      if (header_.size() >= kMaxSubmittedHeader) bad_header_ = Reply{552, "5.3.4 header too large"};
      return;
    }
    const std::string id_text = id.str();
    auto completed = complete_header(std::string_view(header_).substr(0, body),
                                     HeaderAdditions{now_, id_text, host_});
    if (!completed) {
      bad_header_ = std::move(completed.error());
      return;
    }
    content_ += completed->text;
    content_.append(header_, body);
    authors_ = std::move(completed->from);
    std::string().swap(header_);
    holding_ = false;
  }

  smtp::DataReader reader_;
  HopCounter hops_;
  std::size_t max_hops_;
  std::string_view host_;  // of the options, which outlive this
  WallTime now_;
  bool holding_;        // the header of a submitted message has not ended
  std::string header_;  // meanwhile
  std::optional<Reply> bad_header_;
  std::vector<Address> authors_;
  std::string content_;  // not yet handed on; at most a chunk and a read
  std::unique_ptr<Submission> submission_;
  std::optional<Error> failure_;
};

// DATA ends a group of commands (RFC 2920 section 3.1). What arrived behind one that is refused is
// the message of a client that did not wait: it must not be taken for commands.
bool Session::refuse_data() {
  if (state_ == State::recipients_given && services_.queue.available()) return false;
  if (state_ != State::recipients_given) {
    refuse({503, state_ == State::mail_given ? "5.5.1 no valid recipients" : "5.5.1 MAIL first"});
  } else {
    say({451, "4.3.0 the mail queue is not available, try again later"});
    reset_transaction();
  }
  if (!pending_.empty())
    close_with({421, "4.7.0 input before the reply to DATA"}, "input after refused DATA");
  return true;
}

Task<> Session::answer_data() {
  if (refuse_data()) co_return;
  const MessageId id = services_.ids.next();
  ReceivedTrace trace{helo_, peer_text_, options_->host,        protocol_name(hello_, security_),
                      {},    {},         services_.clock.wall()};
  if (options_->hide_client && right_) trace.helo = trace.peer = {};
  const std::string id_text = id.str();
  trace.id = id_text;
  if (transaction_.recipients.size() == 1)
    trace.only_recipient = transaction_.recipients.front().address;
  Envelope envelope{id,
                    transaction_.reverse_path,
                    std::move(transaction_.recipients),
                    std::move(transaction_.parameters),
                    peer_text_,
                    helo_,
                    right_ ? id_ : std::string()};
  Body body(*options_, id, trace.time, format_received(trace), right_ != nullptr,
            std::move(envelope), services_.queue);
  say({354, "end with <CR><LF>.<CR><LF>"});
  co_await read_body(body);
  if (state_ == State::closing) co_return;  // the client has gone, nothing was accepted
  const Reply reply = co_await finish_body(body);
  log_message(body, reply);
  reset_transaction();
  if (reply.is_error()) {
    services_.counters.refused_messages.add();
    refuse(reply);
    co_return;
  }
  services_.counters.accepted_messages.add();
  ++messages_;
  errors_ = noops_ = deferrals_ = 0;
  say(reply);
}

Task<> Session::read_body(Body& body) {
  bool ended = body.feed(pending_);  // a client that did not wait for 354: its message all the same
  if (!ended) release_input();
  while (!ended) {
    while (body.chunk_ready()) co_await body.hand_on();
    const bool sent = co_await flush();
    if (!sent) co_return;
    set_deadline();
    auto bytes = co_await wire_->read(false);
    if (!bytes) co_return end(bytes.error());
    std::string_view input = *bytes;
    ended = body.feed(input);  // before anything else is awaited: the view lasts no longer
    if (ended) {
      input_.assign(input);
      pending_ = input_;
    }
  }
  while (body.chunk_ready()) co_await body.hand_on();
}

Task<Reply> Session::finish_body(Body& body) {
  if (auto fault = body.fault()) co_return std::move(*fault);
  std::vector<Address> authors = body.take_authors();
  std::optional<Reply> refusal = co_await check_authors(std::move(authors));
  if (refusal) co_return std::move(*refusal);
  Result<void> stored = co_await body.finish();
  if (!stored) {
    services_.log.warning(
        "smtp.message.failed",
        {{"session", id_}, {"id", body.id.str()}, {"reason", stored.error().detail}});
    Reply reply = reply_for(stored.error(), 451, 554);
    if (reply.text.starts_with("4.7.1")) reply.code = 450;  // this login's limits
    co_return reply;
  }
  // qmail's words, which tools look for: ok, unix time, qp, the queue's id.
  std::string text = "2.6.0 ok ";
  text += std::to_string(unix_seconds(services_.clock.wall()));
  text += " qp " + body.id.str();
  co_return Reply{250, std::move(text)};
}

void Session::log_message(const Body& body, const Reply& reply) {
  const std::string_view event =
      reply.is_error() ? std::string_view("smtp.message.refused") : "smtp.message.accepted";
  services_.log.info(event, {{"session", id_},
                             {"id", body.id.str()},
                             {"peer", peer_text_},
                             {"helo", helo_},
                             {"login", security_.authenticated},
                             {"from", path_text(transaction_.reverse_path)},
                             {"recipients", body.recipients},
                             {"bytes", body.size()},
                             {"code", std::to_string(reply.code) + " " + reply.text}});
}

}  // namespace toast::smtpd
