#include "mta/queue/takeover_desk.h"

#include <algorithm>
#include <map>

#include "mta/message/ascii.h"
#include "mta/queue/report.h"

namespace toast::queue {

// A message whose end has not come.
struct TakeOverDesk::Draft {
  Accepted accepted;
  Envelope envelope;
  std::vector<TakenProgress> progress;  // one per recipient
  std::map<std::uint32_t, std::vector<TakeOverSteps::Step>> steps;
  bool look_for_eight_bit = false;
  std::string bytes;  // until they go to a file
  std::unique_ptr<BodyWriter> file;
  std::uint64_t total = 0;
  bool ends_in_newline = true;

  std::vector<Record> records();
};

struct TakeOverDesk::Client {
  std::shared_ptr<Draft> draft;
  // For one step: while it is being done there is no draft for another. An error ends it.
  std::shared_ptr<Draft> take() { return std::move(draft); }
};

namespace {

tl::unexpected<Error> out_of_order() { return permanent("no message is being taken over here"); }

Result<void> check_reverse_path(std::string_view path) {
  if (path.empty() || path == kDoubleBounceSender) return {};
  if (path.ends_with(kVerpMark)) path.remove_suffix(kVerpMark.size());
  Result<Address> address = Address::parse(path);
  if (!address) return pass(address, "sender");
  return {};
}

WallTime wall_time(std::int64_t microseconds) {
  return WallTime(std::chrono::microseconds(microseconds));
}

void add_progress(std::vector<Record>& records, MessageId id, Target target,
                  const TakenProgress& progress) {
  if (progress.fate != Fate::pending) {
    records.emplace_back(Outcome{id, target, progress.fate, progress.text});
  } else if (progress.attempts > 0) {
    records.emplace_back(Deferral{id, target, wall_time(progress.next_attempt_microseconds),
                                  progress.attempts, progress.text});
  }
}

}  // namespace

std::function<void()> TakeOverDesk::serve(ipc::Dispatcher& dispatcher) {
  auto client = std::make_shared<Client>();
  std::erase_if(clients_, [](const std::weak_ptr<Client>& gone) { return gone.expired(); });
  clients_.push_back(client);
  dispatcher.on<TakeOver>([this, client](TakeOver m) { return begin(client, std::move(m)); });
  dispatcher.on<TakeOverRecipients>(
      [this, client](TakeOverRecipients m) { return recipients(client, std::move(m)); });
  dispatcher.on<TakeOverSteps>(
      [this, client](TakeOverSteps m) { return steps(client, std::move(m)); });
  dispatcher.on<TakeOverChunk>(
      [this, client](TakeOverChunk m) { return chunk(client, std::move(m)); });
  dispatcher.on<TakeOverEnd>([this, client](TakeOverEnd) { return end(client); });
  dispatcher.on<TakeOverConfirm>([this](TakeOverConfirm m) { return confirm(m); });
  dispatcher.on<TakeOverSettle>([this](TakeOverSettle) { return settle(); });
  return [client] { client->draft.reset(); };
}

void TakeOverDesk::drop_all() {
  for (const std::weak_ptr<Client>& weak : clients_)
    if (const std::shared_ptr<Client> client = weak.lock()) client->draft.reset();
}

Task<Result<TakeOver::Reply>> TakeOverDesk::begin(std::shared_ptr<Client> client,
                                                  TakeOver message) {
  client->draft.reset();
  if (std::optional<Error> why = services_.intake.refusal(0))
    co_return tl::unexpected(std::move(*why));
  if (Result<void> good = check_reverse_path(message.reverse_path); !good) co_return pass(good);
  const WallTime arrival = wall_time(message.arrival_microseconds);
  if (const std::shared_ptr<QueuedMessage> here = services_.ledger.find(message.id)) {
    const bool same =
        here->arrival == arrival && here->envelope.reverse_path() == message.reverse_path;
    if (!same) co_return TakeOver::Reply{TakeOver::Verdict::id_taken};
    if (here->hold != kHalfTaken) co_return TakeOver::Reply{TakeOver::Verdict::is_here};
    Result<void> dropped = co_await services_.ledger.drop_half_taken(message.id);
    if (!dropped) co_return pass(dropped);
  }
  auto draft = std::make_shared<Draft>();
  Envelope& envelope = draft->envelope;
  draft->accepted.id = message.id;
  draft->accepted.parent = message.parent;
  draft->accepted.arrival = arrival;
  draft->accepted.origin = message.origin;
  draft->accepted.hold = std::move(message.hold);
  envelope.verp = message.reverse_path.ends_with(kVerpMark);
  envelope.reverse_path = std::move(message.reverse_path);
  if (envelope.reverse_path == kDoubleBounceSender) envelope.verp = false;
  draft->look_for_eight_bit = !message.eight_bit_mime;
  envelope.eight_bit_mime = message.eight_bit_mime.value_or(false);
  envelope.smtputf8 = message.smtputf8;
  envelope.ret = message.ret;
  envelope.envid = std::move(message.envid);
  envelope.authenticated = std::move(message.authenticated);
  envelope.peer = std::move(message.peer);
  envelope.helo = std::move(message.helo);
  envelope.session = std::move(message.session);
  client->draft = std::move(draft);
  co_return TakeOver::Reply{TakeOver::Verdict::wanted};
}

Task<Result<ipc::Done>> TakeOverDesk::recipients(std::shared_ptr<Client> client,
                                                 TakeOverRecipients message) {
  std::shared_ptr<Draft> draft = client->take();
  if (!draft) co_return out_of_order();
  std::vector<Recipient>& known = draft->envelope.recipients;
  if (known.size() + message.recipients.size() > kMaxRecipients)
    co_return permanent("more than " + std::to_string(kMaxRecipients) + " recipients");
  for (TakenRecipient& r : message.recipients) {
    known.push_back(
        Recipient{r.address.str(), std::move(r.original), std::move(r.orcpt), r.notify});
    draft->progress.push_back(std::move(r.progress));
  }
  client->draft = std::move(draft);
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> TakeOverDesk::steps(std::shared_ptr<Client> client, TakeOverSteps message) {
  std::shared_ptr<Draft> draft = client->take();
  if (!draft) co_return out_of_order();
  if (message.recipient >= draft->progress.size()) co_return permanent("steps of no recipient");
  std::vector<TakeOverSteps::Step>& steps = draft->steps[message.recipient];
  if (steps.size() + message.steps.size() > kMaxInstructions)
    co_return permanent("more than " + std::to_string(kMaxInstructions) + " instructions");
  for (TakeOverSteps::Step& step : message.steps) steps.push_back(std::move(step));
  client->draft = std::move(draft);
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> TakeOverDesk::chunk(std::shared_ptr<Client> client, TakeOverChunk message) {
  std::shared_ptr<Draft> draft = client->take();
  if (!draft) co_return out_of_order();
  if (message.bytes.empty()) {
    client->draft = std::move(draft);
    co_return ipc::Done{};
  }
  if (draft->look_for_eight_bit && !std::ranges::all_of(message.bytes, ascii::is_ascii))
    draft->envelope.eight_bit_mime = true;
  draft->ends_in_newline = message.bytes.back() == '\n';
  Result<void> stored = co_await append(draft, std::move(message.bytes));
  if (!stored) co_return pass(stored);
  client->draft = std::move(draft);
  co_return ipc::Done{};
}

Task<Result<void>> TakeOverDesk::append(std::shared_ptr<Draft> draft, std::string bytes) {
  Draft& d = *draft;
  Store& store = services_.store;
  d.total += bytes.size();
  if (!d.file && d.total <= store.max_inline_body()) {
    d.bytes += bytes;
    co_return Result<void>();
  }
  if (!store.may_accept(d.total)) co_return transient("free space is below queuereserve");
  Result<void> written =
      co_await run_blocking(services_.pool, [&store, &d, piece = std::move(bytes)] {
        if (!d.file) {
          Result<std::unique_ptr<BodyWriter>> file = store.create_blob(d.accepted.id);
          if (!file) return Result<void>(pass(file));
          d.file = std::move(*file);
          if (Result<void> moved = d.file->append(d.bytes); !moved) return moved;
        }
        return d.file->append(piece);
      });
  std::string().swap(d.bytes);
  co_return written;
}

Task<Result<ipc::Done>> TakeOverDesk::end(std::shared_ptr<Client> client) {
  std::shared_ptr<Draft> draft = client->take();
  if (!draft) co_return out_of_order();
  if (draft->envelope.recipients.empty()) co_return permanent("a message without recipients");
  if (std::optional<Error> why = services_.intake.refusal(0))
    co_return tl::unexpected(std::move(*why));
  Result<void> promised = co_await finish(std::move(draft));
  if (!promised) co_return pass(promised);
  co_return ipc::Done{};
}

Task<Result<void>> TakeOverDesk::finish(std::shared_ptr<Draft> draft) {
  if (!draft->ends_in_newline) {
    Result<void> ended = co_await append(draft, "\n");
    if (!ended) co_return ended;
  }
  if (!services_.store.may_accept(draft->total))
    co_return transient("free space is below queuereserve");
  std::vector<Record> records = draft->records();
  for (const Record& record : records)
    if (Result<void> good = check(record); !good) co_return good;
  if (draft->file) {
    BodyWriter& file = *draft->file;
    Result<std::uint64_t> size =
        co_await run_blocking(services_.pool, [&file] { return file.finish(); });
    if (!size) co_return pass(size);
  }
  co_return co_await services_.ledger.take_over(std::move(records), draft->total);
}

Task<Result<ipc::Done>> TakeOverDesk::confirm(TakeOverConfirm message) {
  services_.ledger.confirm_taken(message.id);
  co_return ipc::Done{};
}

Task<Result<ipc::Done>> TakeOverDesk::settle() {
  co_await services_.ledger.written();
  const JournalStatus journal = services_.store.status();
  if (journal.state == JournalState::failed)
    co_return transient("the journal has failed: " + journal.failure);
  co_return ipc::Done{};
}

// Accepted, then what has become of the recipients. A batch may be cut between any two records, by
// the end of a segment and a crash: until the last of them is there the message is held as half
// taken.
std::vector<Record> TakeOverDesk::Draft::records() {
  const MessageId id = accepted.id;
  std::string whole(kUnconfirmed);
  whole += accepted.hold.value_or("");
  whole.resize(std::min(whole.size(), kMaxText));
  accepted.hold = kHalfTaken;
  if (file)
    accepted.body = BlobBody{total};
  else
    accepted.body = InlineBody{std::move(bytes)};
  accepted.envelope = envelope;
  std::vector<Record> records;
  records.emplace_back(std::move(accepted));
  for (std::uint32_t i = 0; i < progress.size(); ++i) {
    const auto begun = steps.find(i);
    if (begun == steps.end()) {
      add_progress(records, id, Target{i, kWholeRecipient}, progress[i]);
      continue;
    }
    Frozen frozen{id, i, {}};
    for (const TakeOverSteps::Step& step : begun->second)
      frozen.instructions.push_back(step.instruction);
    records.emplace_back(std::move(frozen));
    for (std::uint32_t n = 0; n < begun->second.size(); ++n)
      add_progress(records, id, Target{i, n}, begun->second[n].progress);
  }
  if (records.size() == 1)
    std::get<Accepted>(records.front()).hold = std::move(whole);
  else
    records.emplace_back(Hold{id, std::move(whole)});
  return records;
}

}  // namespace toast::queue
