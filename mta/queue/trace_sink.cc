#include "mta/queue/trace_sink.h"

#include <unistd.h>

#include <algorithm>

#include "mta/queue/ledger.h"

namespace toast::queue {
namespace {

trace::Kind kind_of(StepResult::Kind kind) {
  switch (kind) {
    case StepResult::Kind::delivered:
      return trace::Kind::delivered;
    case StepResult::Kind::failed:
      return trace::Kind::failed;
    case StepResult::Kind::deferred:
      break;
  }
  return trace::Kind::deferred;
}

// Pool thread.
std::string read_message_id(const Store& store, MessageId id) {
  const Result<StoredBody> body = store.read_body(id);
  if (!body) return {};
  std::string front = body->prefix + body->bytes;
  if (body->blob) {
    const std::size_t start = front.size();
    front.resize(start + trace::kMaxScannedHeader);
    const ssize_t got =
        ::pread(body->blob.get(), front.data() + start, trace::kMaxScannedHeader, 0);
    front.resize(start + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }
  return trace::find_message_id(front);
}

}  // namespace

trace::Event TraceSink::event_of(const QueuedMessage& message, trace::Kind kind) const {
  trace::Event event;
  event.time = services_.clock.wall();
  event.id = message.id;
  event.parent = message.parent;
  event.kind = kind;
  return event;
}

void TraceSink::accepted(const QueuedMessage& message, const NewBody& body) {
  if (!services_.writer.is_on()) return;
  const bool ours = message.parent.value() != 0;
  trace::Event event = event_of(message, ours ? trace::Kind::created : trace::Kind::accepted);
  const PackedEnvelope& envelope = message.envelope;
  event.sender = envelope.reverse_path();
  event.recipient_count = envelope.recipients();
  const std::size_t named =
      std::min<std::size_t>(envelope.recipients(), trace::kMaxNamedRecipients);
  for (std::uint32_t i = 0; i < named; ++i)
    event.recipients.emplace_back(envelope.recipient(i).address);
  event.bytes = message.size_bytes;
  event.peer = envelope.peer();
  event.login = envelope.authenticated();
  event.text = origin_name(message.origin);
  if (const auto* text = std::get_if<InlineBody>(&body))
    event.message_id = trace::find_message_id(text->bytes);
  if (std::holds_alternative<BlobBody>(body)) return record_with_front(std::move(event));
  services_.writer.record(event);
}

void TraceSink::record_with_front(trace::Event event) {
  const Store& store = services_.store;
  const std::weak_ptr<TraceSink*> self = self_;
  asio::post(services_.pool, [&store, self, loop = services_.loop, event = std::move(event)] {
    auto whole = std::make_shared<trace::Event>(event);
    whole->message_id = read_message_id(store, event.id);
    asio::post(loop, [self, whole] {
      if (const auto sink = self.lock()) (*sink)->services_.writer.record(*whole);
    });
  });
}

void TraceSink::attempted(const QueuedMessage& message, const Work& work, const Attempt& attempt) {
  if (!services_.writer.is_on()) return;
  for (const StepResult& step : attempt.steps) {
    trace::Event event = event_of(message, kind_of(step.kind));
    event.recipients.emplace_back(message.recipient(work.recipient).address);
    event.text = step.text;
    event.remote = step.detail;
    services_.writer.record(event);
  }
}

void TraceSink::changed(const QueuedMessage& message, OperatorChange change,
                        std::string_view recipient, std::string_view text) {
  constexpr trace::Kind kKinds[] = {trace::Kind::held, trace::Kind::released, trace::Kind::removed};
  trace::Event event = event_of(message, kKinds[static_cast<std::size_t>(change)]);
  if (!recipient.empty()) event.recipients.emplace_back(recipient);
  event.text = text;
  services_.writer.record(event);
}

void TraceSink::bounce_discarded(const QueuedMessage& message) {
  trace::Event event = event_of(message, trace::Kind::removed);
  event.text = "a bounce of a bounce, which nobody takes: discarded";
  services_.writer.record(event);
}

void TraceSink::ended(const QueuedMessage& message) {
  services_.writer.record(event_of(message, trace::Kind::finished));
}

}  // namespace toast::queue
