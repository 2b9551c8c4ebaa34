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

Bounce Ledger::bounce_of(const QueuedMessage& message, const BounceRoute& route,
                         MessageId id) const {
  Bounce bounce;
  bounce.id = id;
  bounce.now = services_.clock.wall();
  bounce.host = options_.host;
  bounce.from = options_.bounce_from;
  bounce.to = route.to;
  bounce.is_double = route.is_double;
  bounce.original_sender = message.envelope->reverse_path;
  bounce.original_arrival = message.arrival;
  bounce.envid = message.envelope->envid;
  bounce.original_bytes = message.size_bytes;
  bounce.max_quoted = options_.max_quoted;
  for (const std::uint32_t index : message.failed) {
    const QueuedRecipient& r = message.recipients[index];
    bounce.failed.push_back(
        {message.original(index), message.recipient(index).orcpt, r.past->last_text});
  }
  return bounce;
}

// The bounce, or nothing when nobody is to get one.
Task<std::optional<Accepted>> Ledger::make_bounce(std::shared_ptr<QueuedMessage> message) {
  const BounceRoute route =
      bounce_route(message->envelope->reverse_path, options_.double_bounce_to);
  if (route.to.empty()) {
    services_.metrics.discarded_bounces.add();
    services_.log.warning("queue.bounce.discarded",
                          {{"id", message->id.str()}, {"reason", "a double bounce bounced"}});
    co_return std::nullopt;
  }
  const MessageId id = services_.ids.next();
  const std::string original = co_await quotable(message);
  Bounce bounce = bounce_of(*message, route, id);
  bounce.original = original;
  BounceText text = bounce_text(bounce);
  auto envelope = std::make_shared<Envelope>();
  envelope->reverse_path = route.sender;
  envelope->recipients.push_back(Recipient{route.to, {}, {}, 0});
  envelope->eight_bit_mime = text.eight_bit;
  Result<NewBody> body = co_await store_text(text.content, id);
  if (!body) {  // too long for the journal, and no room for a file: the short form
    bounce.max_quoted = 1;
    body = NewBody(InlineBody{bounce_text(bounce).content});
  }
  co_return Accepted{id,       message->id, services_.clock.wall(), Origin::bounce,
                     envelope, {},          std::move(*body),       std::nullopt};
}

}  // namespace toast::queue
