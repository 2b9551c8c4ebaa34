#include "mta/queue/intake.h"

#include <utility>

#include "mta/queue/logins.h"
#include "mta/queue/report.h"

namespace toast::queue {

struct Intake::Submission {
  Submission(SubmitBegin begin, MemoryBudget& budget) : envelope(std::move(begin)), share(budget) {}
  SubmitBegin envelope;
  Origin origin = Origin::smtp;
  bool is_double_bounce = false;
  std::string bytes;  // until it goes to a file
  MemoryShare share;
  std::unique_ptr<BodyWriter> file;
  bool file_finished = false;
  std::uint64_t total = 0;
  std::optional<std::string> hold;
  std::vector<SendLimitOf> limits;  // that it was counted against
  std::size_t counted = 0;          // recipients
  std::optional<Error> failure;     // of a chunk: the end gets it too
  // Pieces are stored in the order in which they came, even while the disk is slow.
  std::uint64_t next_ticket = 0;
  std::uint64_t serving = 0;
};

struct Intake::Client {
  explicit Client(const std::string& name) : peer(name), logins(name) {}
  std::string peer;
  Logins logins;
  std::unordered_map<std::uint32_t, std::shared_ptr<Submission>> open;
};

namespace {

tl::unexpected<Error> unknown_login() {
  return transient("a login that is not known here", "4.7.0 log in again");
}

// 550, not 450: a program that tries again would do so for ever.
tl::unexpected<Error> stopped_login(const std::string& login) {
  return permanent(login + " may not send",
                   "5.7.1 this account may not send mail, ask your administrator");
}

Envelope envelope_from(const SubmitBegin& begin) {
  Envelope envelope;
  envelope.reverse_path = path_text(begin.reverse_path);
  if (begin.verp) envelope.reverse_path += kVerpMark;
  envelope.recipients.reserve(begin.recipients.size());
  for (const SubmitRecipient& recipient : begin.recipients)
    envelope.recipients.push_back(
        Recipient{recipient.address.str(), {}, recipient.orcpt, recipient.notify});
  envelope.eight_bit_mime = begin.body_type == BodyType::eight_bit_mime;
  envelope.smtputf8 = begin.smtputf8;
  envelope.verp = begin.verp;
  envelope.ret = begin.ret;
  envelope.envid = begin.envid;
  envelope.authenticated = begin.authenticated;
  envelope.peer = begin.peer;
  envelope.helo = begin.helo;
  return envelope;
}

}  // namespace

Intake::Intake(Services services, const Options& options)
    : services_(services),
      options_(options),
      budget_(options.arrival_memory),
      room_(services.loop) {}

void Intake::set_options(const Options& options) {
  options_ = options;
  budget_.set_limit(options.arrival_memory);
}

std::shared_ptr<const ipc::Dispatcher> Intake::client(const std::string& peer) {
  auto client = std::make_shared<Client>(peer);
  std::erase_if(clients_, [](const std::weak_ptr<Client>& gone) { return gone.expired(); });
  clients_.push_back(client);
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on_notice<SubmitBegin>(
      [this, client](SubmitBegin message) { begin(*client, std::move(message)); });
  dispatcher->on_notice<SubmitAbort>(
      [client](SubmitAbort message) { client->open.erase(message.submission); });
  dispatcher->on<SubmitChunk>(
      [this, client](SubmitChunk message) { return chunk(client, std::move(message)); });
  dispatcher->on<SubmitEnd>(
      [this, client](SubmitEnd message) { return end(client, std::move(message)); });
  dispatcher->on<RedeemTicket>(
      [this, client](RedeemTicket message) { return redeem(client, std::move(message)); });
  dispatcher->on_notice<EndLogin>(
      [client](EndLogin message) { client->logins.end(message.connection); });
  dispatcher->on<CheckSpace>(
      [this, client](CheckSpace question) { return check_space(client, std::move(question)); });
  return dispatcher;
}

void Intake::drop_all() {
  for (const std::weak_ptr<Client>& weak : clients_)
    if (const std::shared_ptr<Client> client = weak.lock()) client->open.clear();
}

std::optional<Error> Intake::refusal(std::uint64_t size_bytes) const {
  if (closed_) return Error{Failure::transient, "4.3.2 the server is shutting down", "draining"};
  if (paused_)
    return Error{Failure::transient, "4.3.2 no mail is taken at present", "paused by the operator"};
  if (const auto& failed = services_.commits.failure())
    return Error{Failure::transient, "4.3.0 the queue cannot be written", failed->detail};
  if (options_.max_message != 0 && size_bytes > options_.max_message + kTraceAllowance)
    return Error{Failure::permanent, "5.3.4 the message is too big", "over databytes"};
  if (!services_.store.may_accept(size_bytes))
    return Error{Failure::transient, "4.3.1 no room in the queue at present",
                 "free space is below queuereserve"};
  return std::nullopt;
}

Task<Result<ipc::Done>> Intake::check_space(std::shared_ptr<Client> client, CheckSpace question) {
  if (std::optional<Error> why = refusal(question.size_bytes))
    co_return tl::unexpected(std::move(*why));
  if (question.connection.empty()) co_return ipc::Done{};
  const std::string* login = client->logins.find(question.connection, services_.clock.steady());
  if (login == nullptr) co_return unknown_login();
  if (services_.stopped.is_stopped(*login)) co_return stopped_login(*login);
  const std::string mailbox = *login;
  std::string asked = mailbox;
  Result<DomainSending> sending = co_await services_.sending_domains.of_login(std::move(asked));
  if (!sending) co_return pass(sending);
  Result<void> within = services_.limits.may_go_on(services_.limits.of_login(mailbox, *sending));
  if (!within) co_return pass(within);
  co_return ipc::Done{};
}

void Intake::begin(Client& client, SubmitBegin begin) {
  if (client.open.size() >= kMaxOpenSubmissions) return;  // its end is answered as unknown
  const std::uint32_t number = begin.submission;
  client.open[number] = std::make_shared<Submission>(std::move(begin), budget_);
}

Task<Result<ipc::Done>> Intake::chunk(std::shared_ptr<Client> client, SubmitChunk chunk) {
  const auto found = client->open.find(chunk.submission);
  if (found == client->open.end()) co_return transient("chunk of an unknown submission");
  std::shared_ptr<Submission> submission = found->second;
  Result<void> stored = co_await append(submission, std::move(chunk.bytes));
  if (!stored) co_return pass(stored);
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> Intake::end(std::shared_ptr<Client> client, SubmitEnd end) {
  const auto found = client->open.find(end.submission);
  if (found == client->open.end()) co_return transient("end of an unknown submission");
  std::shared_ptr<Submission> submission = std::move(found->second);
  client->open.erase(found);
  ++under_way_;
  Result<void> allowed = co_await may_send(client, submission);
  --under_way_;
  if (!allowed) co_return pass(allowed);
  Result<void> promised = co_await complete(submission, std::move(end.bytes));
  if (promised) co_return ipc::Done{};
  services_.limits.take_back(submission->limits, submission->counted);
  co_return pass(promised);
}

Task<Result<ipc::Done>> Intake::redeem(std::shared_ptr<Client> client, RedeemTicket message) {
  if (services_.tickets == nullptr) co_return permanent("this queue takes no tickets");
  Result<void> redeemed = client->logins.redeem(*services_.tickets, message.ticket,
                                                message.connection, services_.clock.steady());
  if (redeemed) co_return ipc::Done{};
  services_.log.warning("queue.login.refused", {{"client", client->peer},
                                                {"session", message.connection},
                                                {"reason", redeemed.error().detail}});
  co_return pass(redeemed);
}

Task<Result<std::size_t>> Intake::count_elsewhere(std::shared_ptr<Submission> submission) {
  std::vector<Address> recipients;
  recipients.reserve(submission->envelope.recipients.size());
  for (const SubmitRecipient& recipient : submission->envelope.recipients)
    recipients.push_back(recipient.address);
  co_return co_await services_.local_domains.count_elsewhere(std::move(recipients));
}

Task<Result<void>> Intake::count(std::shared_ptr<Submission> submission,
                                 std::vector<SendLimitOf> limits) {
  if (limits.empty()) co_return Result<void>{};
  Result<std::size_t> elsewhere = co_await count_elsewhere(submission);
  if (!elsewhere) co_return pass(elsewhere);
  Result<void> within = services_.limits.take(limits, *elsewhere);
  if (!within) co_return pass(within);
  submission->limits = std::move(limits);
  submission->counted = *elsewhere;
  co_return Result<void>{};
}

Task<Result<void>> Intake::may_send(std::shared_ptr<Client> client,
                                    std::shared_ptr<Submission> submission) {
  SubmitBegin& envelope = submission->envelope;
  if (!envelope.connection.empty()) {
    const std::string* login = client->logins.find(envelope.connection, services_.clock.steady());
    if (login == nullptr) co_return unknown_login();
    if (services_.stopped.is_stopped(*login)) co_return stopped_login(*login);
    envelope.authenticated = *login;
    submission->origin = Origin::submission;
    std::string mailbox = envelope.authenticated;
    Result<DomainSending> sending = co_await services_.sending_domains.of_login(std::move(mailbox));
    if (!sending) co_return pass(sending);
    std::vector<SendLimitOf> limits = services_.limits.of_login(envelope.authenticated, *sending);
    co_return co_await count(submission, std::move(limits));
  }
  const Result<IpAddress> peer = IpAddress::parse(envelope.peer);
  if (peer && contains(options_.relay_networks, *peer)) co_return Result<void>{};
  Result<std::size_t> elsewhere = co_await count_elsewhere(submission);
  if (!elsewhere) co_return pass(elsewhere);
  if (*elsewhere == 0) co_return Result<void>{};
  services_.log.warning("queue.relay.refused", {{"client", client->peer},
                                                {"id", envelope.id.str()},
                                                {"peer", envelope.peer},
                                                {"recipients", *elsewhere}});
  co_return permanent("relaying for a stranger", "5.7.1 relaying denied");
}

std::shared_ptr<Intake::Submission> Intake::open(MessageId id) {
  SubmitBegin begin;
  begin.id = id;
  return std::make_shared<Submission>(std::move(begin), budget_);
}

Task<Result<void>> Intake::close_local(std::shared_ptr<Submission> submission, SubmitBegin envelope,
                                       bool is_double_bounce, std::string last_bytes) {
  submission->envelope = std::move(envelope);
  submission->origin = Origin::local;
  submission->is_double_bounce = is_double_bounce;
  ++under_way_;
  std::vector<SendLimitOf> limits = services_.limits.of_local(submission->envelope.peer);
  Result<void> promised = co_await count(submission, std::move(limits));
  --under_way_;
  if (promised) promised = co_await complete(submission, std::move(last_bytes));
  if (!promised) services_.limits.take_back(submission->limits, submission->counted);
  co_return promised;
}

Task<Result<void>> Intake::complete(std::shared_ptr<Submission> submission,
                                    std::string last_bytes) {
  ++under_way_;
  Result<void> promised = co_await append(submission, std::move(last_bytes));
  if (promised) promised = co_await finish(submission);
  --under_way_;
  if (!promised && submission->file_finished) {
    Store& store = services_.store;
    asio::post(services_.pool, [&store, id = submission->envelope.id] { store.discard_blob(id); });
  }
  co_return promised;
}

// Waits until the pieces before this one are stored. The caller then has the turn, and passes it on
// by raising `serving`.
Task<Result<void>> Intake::take_turn(std::shared_ptr<Submission> submission) {
  const std::uint64_t ticket = submission->next_ticket++;
  while (submission->serving != ticket) {
    asio::steady_timer tick(services_.loop, std::chrono::milliseconds(1));
    auto [ignored] = co_await tick.async_wait(no_throw);
    (void)ignored;
  }
  if (submission->failure) co_return tl::unexpected(*submission->failure);
  co_return Result<void>();
}

Task<Result<void>> Intake::append(std::shared_ptr<Submission> submission, std::string bytes) {
  Submission& s = *submission;
  Result<void> result = co_await take_turn(submission);
  if (result && !bytes.empty()) {
    s.total += bytes.size();
    if (options_.max_message != 0 && s.total > options_.max_message + kTraceAllowance) {
      result = permanent("submission over databytes", "5.3.4 the message is too big");
    } else if (!s.file && s.total <= services_.store.max_inline_body() &&
               s.share.grow(bytes.size())) {
      if (s.bytes.empty())
        s.bytes = std::move(bytes);
      else
        s.bytes += bytes;
    } else {
      result = co_await append_to_file(submission, std::move(bytes));
    }
  }
  if (!result) s.failure = result.error();
  ++s.serving;
  co_return result;
}

Task<Result<void>> Intake::append_to_file(std::shared_ptr<Submission> submission,
                                          std::string bytes) {
  if (std::optional<Error> why = refusal(submission->total))
    co_return tl::unexpected(std::move(*why));
  Store& store = services_.store;
  // By reference: this coroutine holds the submission meanwhile, and the pool must not be the one
  // that lets go of it last.
  Submission& s = *submission;
  Result<void> written =
      co_await run_blocking(services_.pool, [&store, &s, piece = std::move(bytes)]() {
        if (!s.file) {
          Result<std::unique_ptr<BodyWriter>> file = store.create_blob(s.envelope.id);
          if (!file) return Result<void>(pass(file));
          s.file = std::move(*file);
          if (Result<void> moved = s.file->append(s.bytes); !moved) return moved;
        }
        return s.file->append(piece);
      });
  std::string().swap(s.bytes);
  s.share.release();
  co_return written;
}

Task<Result<void>> Intake::judge(std::shared_ptr<Submission> submission) {
  if (services_.filter == nullptr) co_return Result<void>();
  filter::Judge question;
  question.id = submission->envelope.id;
  question.reverse_path = submission->envelope.reverse_path;
  for (const SubmitRecipient& recipient : submission->envelope.recipients)
    question.recipients.push_back(recipient.address);
  question.peer = submission->envelope.peer;
  question.body = submission->bytes;
  if (submission->file_finished) {
    Result<Fd> blob = services_.store.open_blob(submission->envelope.id);
    if (!blob) co_return pass(blob);
    question.descriptor = std::move(*blob);
  }
  Result<filter::Judge::Reply> reply = co_await services_.filter->judge(std::move(question));
  if (!reply) co_return pass(reply);
  using Verdict = filter::Judge::Verdict;
  if (reply->verdict == Verdict::refuse) co_return permanent("filter: refused", reply->text);
  if (reply->verdict == Verdict::try_later) co_return transient("filter: later", reply->text);
  if (reply->verdict == Verdict::hold) submission->hold = reply->text;
  co_return Result<void>();
}

Task<> Intake::wait_for_room() {
  const SteadyTime start = services_.clock.steady();
  while (!closed_ && !services_.commits.failure()) {
    const bool high = services_.ledger.is_over_high_water();
    if (!high && !services_.ledger.is_crowded()) co_return;
    const auto waited = services_.clock.steady() - start;
    if (waited >= (high ? kHighWaterDelay : kCrowdedDelay)) co_return;
    // Woken by room_again(), or by this timer to look at the time.
    constexpr std::chrono::milliseconds kLookAgain{100};
    if (room_.expiry() <= std::chrono::steady_clock::now()) room_.expires_after(kLookAgain);
    ++waiting_for_room_;
    auto [ignored] = co_await room_.async_wait(no_throw);
    (void)ignored;
    --waiting_for_room_;
  }
}

void Intake::room_again() {
  if (waiting_for_room_ > 0 && !services_.ledger.is_crowded()) room_.cancel();
}

Task<Result<void>> Intake::finish(std::shared_ptr<Submission> submission) {
  if (std::optional<Error> why = refusal(submission->total))
    co_return tl::unexpected(std::move(*why));
  if (submission->file) {
    BodyWriter& file = *submission->file;
    Result<std::uint64_t> size =
        co_await run_blocking(services_.pool, [&file] { return file.finish(); });
    if (!size) co_return pass(size);
    submission->file_finished = true;
  }
  Result<void> judged = co_await judge(submission);
  if (!judged) co_return judged;
  co_await wait_for_room();
  if (std::optional<Error> why = refusal(submission->total))
    co_return tl::unexpected(std::move(*why));
  co_return co_await promise(submission);
}

Task<Result<void>> Intake::promise(std::shared_ptr<Submission> submission) {
  Accepted accepted;
  accepted.id = submission->envelope.id;
  accepted.arrival = services_.clock.wall();
  accepted.origin = submission->origin;
  Envelope envelope = envelope_from(submission->envelope);
  if (submission->is_double_bounce) envelope.reverse_path = kDoubleBounceSender;
  accepted.envelope = envelope;
  accepted.hold = submission->hold;
  // Stopped while it was on its way: held with what waits.
  const std::string& login = submission->envelope.authenticated;
  if (!accepted.hold && !login.empty() && services_.stopped.is_stopped(login))
    accepted.hold = hold_reason(login);
  // With half of the memory in use the rest belongs to arrivals: later deliveries read back.
  if (2 * budget_.used() > options_.arrival_memory) submission->share.release();
  if (submission->file_finished)
    accepted.body = BlobBody{submission->total};
  else
    accepted.body = InlineBody{std::move(submission->bytes)};
  // From here on a record may name the file, even one that could not be committed for certain.
  submission->file_finished = false;
  if (submission->envelope.recipients.size() == 1 && !accepted.hold)
    services_.early.ask(submission->envelope.id, submission->envelope.recipients.front().address);
  Result<void> durable = co_await services_.ledger.accept(std::move(accepted), submission->total,
                                                          std::move(submission->share));
  if (durable) co_return durable;
  // Whatever it was, it is no fault of the message.
  co_return transient(durable.error().detail, "4.3.0 the queue cannot take the message now");
}

}  // namespace toast::queue
