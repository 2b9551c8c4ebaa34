// The end of a message that failed for somebody: its bounce, as a record.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "mta/queue/ledger.h"

namespace toast::queue {
namespace {

// Of a blob no more is read than a bounce can quote.
Result<std::string> read_front(const StoredBody& body, std::uint64_t most) {
  std::string text = body.prefix + body.bytes;
  if (!body.blob) return text;
  const std::uint64_t wanted = std::min(most, body.blob_bytes);
  const std::size_t start = text.size();
  text.resize(start + wanted);
  std::size_t got = 0;
  while (got < wanted) {
    const ssize_t n =
        ::pread(body.blob.get(), text.data() + start + got, wanted - got, static_cast<off_t>(got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", "queue blob");
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(start + got);
  return text;
}

Result<NewBody> write_blob(Store& store, const std::string& text, MessageId id) {
  Result<std::unique_ptr<BodyWriter>> writer = store.create_blob(id);
  if (!writer) return pass(writer);
  Result<void> written = (*writer)->append(text);
  if (!written) return pass(written);
  Result<std::uint64_t> size = (*writer)->finish();
  if (!size) return pass(size);
  return BlobBody{*size};
}

}  // namespace

Task<Result<NewBody>> Ledger::store_text(std::string text, MessageId id) {
  if (text.size() <= services_.store.max_inline_body()) co_return InlineBody{std::move(text)};
  Store& store = services_.store;
  auto shared = std::make_shared<const std::string>(std::move(text));
  co_return co_await run_blocking(services_.pool,
                                  [&store, shared, id] { return write_blob(store, *shared, id); });
}

// What can be quoted of a message. One that cannot be read any more bounces without its text: its
// sender must hear of it all the same.
Task<std::string> Ledger::quotable(std::shared_ptr<QueuedMessage> message) {
  const std::uint64_t limit = options_.max_quoted == 0 ? message->size_bytes : options_.max_quoted;
  const std::uint64_t most = std::max<std::uint64_t>(limit, kMaxQuotedHeader);
  Result<StoredBody> body = co_await read_body(message->id);
  if (body) {
    Result<std::string> text = read_front(*body, most);
    if (text) co_return std::move(*text);
    body = pass(text);
  }
  services_.log.error("queue.body.unreadable",
                      {{"id", message->id.str()}, {"reason", body.error().detail}});
  co_return std::string();
}

Report Ledger::report_of(const QueuedMessage& message, const BounceRoute& route,
                         MessageId id) const {
  Report report;
  report.id = id;
  report.now = services_.clock.wall();
  report.host = options_.host;
  report.from = options_.bounce_from;
  report.to = route.to;
  report.is_double = route.is_double;
  report.original_sender = message.envelope.reverse_path();
  report.original_arrival = message.arrival;
  report.envid = message.envelope.envid();
  report.original_bytes = message.size_bytes;
  report.max_quoted = options_.max_quoted;
  report.header_only = message.envelope.ret() == DsnReturn::headers;
  return report;
}

ReportedRecipient Ledger::reported(const QueuedMessage& message, std::uint32_t index,
                                   std::string text) const {
  return {std::string(message.original(index)), std::string(message.recipient(index).orcpt),
          std::move(text)};
}

// The bounce, or nothing when nobody is to get one.
Task<std::optional<Accepted>> Ledger::make_bounce(std::shared_ptr<QueuedMessage> message) {
  std::vector<ReportedRecipient> failed;
  for (const std::uint32_t index : *message->failed)
    if (wants(*message, index, kNotifyFailure))
      failed.push_back(reported(*message, index, message->recipients[index].past->last_text));
  if (failed.empty()) co_return std::nullopt;
  const BounceRoute route =
      bounce_route(message->envelope.reverse_path(), options_.double_bounce_to);
  if (route.to.empty()) {
    services_.metrics.discarded_bounces.add();
    services_.log.warning("queue.bounce.discarded",
                          {{"id", message->id.str()}, {"reason", "a double bounce bounced"}});
    services_.observer.bounce_discarded(*message);
    co_return std::nullopt;
  }
  Report report = report_of(*message, route, services_.ids.next());
  report.recipients = std::move(failed);
  co_return co_await make_report(std::move(message), std::move(report), route.sender);
}

Task<Accepted> Ledger::make_report(std::shared_ptr<QueuedMessage> message, Report report,
                                   std::string sender) {
  const std::string original = co_await quotable(message);
  report.original = original;
  ReportText text = report_text(report);
  Envelope envelope;
  envelope.reverse_path = std::move(sender);
  envelope.recipients.push_back(Recipient{report.to, {}, {}, kNotifyNever});
  envelope.eight_bit_mime = text.eight_bit;
  Result<NewBody> body = co_await store_text(text.content, report.id);
  if (!body) {  // too long for the journal, and no room for a file: the short form
    report.max_quoted = 1;
    body = NewBody(InlineBody{report_text(report).content});
  }
  co_return Accepted{report.id, message->id, services_.clock.wall(), Origin::bounce,
                     envelope,  {},          std::move(*body),       std::nullopt};
}

// A recipient was served, and its sender asked to be told.
Task<Accepted> Ledger::make_confirmation(std::shared_ptr<QueuedMessage> message,
                                         Confirmation confirmation) {
  const BounceRoute route = bounce_route(message->envelope.reverse_path(), {});
  Report report = report_of(*message, route, services_.ids.next());
  report.action = confirmation.action;
  report.header_only = true;
  report.recipients.push_back(
      reported(*message, confirmation.recipient, std::move(confirmation.text)));
  co_return co_await make_report(std::move(message), std::move(report), route.sender);
}

void Ledger::warn_of_delays() {
  const Moment present = now();
  const Moment since = std::exchange(delays_seen_, present);
  if (options_.delay_warning.count() == 0 || present <= since) return;
  odd_ages_.erase(odd_ages_.begin(), odd_ages_.lower_bound({since - options_.delay_warning, {}}));
  if (present - since > kLongestDelaySweep) return;
  warn_of_odd_ones(present - options_.delay_warning);
  const auto from = MessageId::first_at(since - options_.delay_warning);
  const auto to = MessageId::first_at(present - options_.delay_warning);
  std::vector<std::shared_ptr<QueuedMessage>> waiting;
  for (auto at = messages_.lower_bound(from); at != messages_.end() && at->first < to; ++at)
    if (at->second->open > 0 && has_sender(*at->second)) waiting.push_back(at->second);
  for (std::shared_ptr<QueuedMessage>& message : waiting)
    spawn(services_.loop, warn_of_delay(std::move(message)));
}

void Ledger::warn_of_odd_ones(Moment until) {
  while (!odd_ages_.empty() && odd_ages_.begin()->first < until) {
    const std::shared_ptr<QueuedMessage> message = find(odd_ages_.begin()->second);
    odd_ages_.erase(odd_ages_.begin());
    if (message && message->open > 0 && has_sender(*message))
      spawn(services_.loop, warn_of_delay(message));
  }
}

Task<> Ledger::warn_of_delay(std::shared_ptr<QueuedMessage> message) {
  const BounceRoute route = bounce_route(message->envelope.reverse_path(), {});
  Report report = report_of(*message, route, services_.ids.next());
  report.action = Action::delayed;
  report.header_only = true;
  report.retry_until = message->arrival + options_.lifetime;
  for (std::uint32_t i = 0; i < message->recipients.size(); ++i) {
    const QueuedRecipient& r = message->recipients[i];
    if (!r.is_open() || !wants(*message, i, kNotifyDelay)) continue;
    std::string text = r.past ? r.past->last_text : std::string();
    if (text.empty()) text = "4.4.7 its host could not be reached so far";
    report.recipients.push_back(reported(*message, i, std::move(text)));
    if (report.recipients.size() == kMaxReportedDelays) break;
  }
  if (report.recipients.empty()) co_return;
  Accepted warning = co_await make_report(message, std::move(report), route.sender);
  if (message->open == 0) co_return;  // meanwhile it has gone
  std::vector<Accepted> children;
  children.push_back(std::move(warning));
  write(std::move(message), {}, std::move(children));
}

}  // namespace toast::queue
