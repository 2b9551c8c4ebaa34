// Forwards: all targets of one recipient are one child message, created in the record that says
// the recipient is done.
#include <unistd.h>

#include "mta/message/headers.h"
#include "mta/queue/deliverer.h"
#include "vdomain/maildir/trace_fields.h"

namespace toast::queue {
namespace {

constexpr std::size_t kCopyStep = std::size_t{256} * 1024;

StepResult looping(std::string text) {
  return {kWholeRecipient, StepResult::Kind::failed, std::move(text), {}};
}

// The child of a large message has a file of its own: a record can put fields in front of a body,
// a file cannot.
Result<NewBody> copy_blob(Store& store, const Fd& from, const std::string& prefix, MessageId id) {
  Result<std::unique_ptr<BodyWriter>> writer = store.create_blob(id);
  if (!writer) return pass(writer);
  Result<void> written = (*writer)->append(prefix);
  std::string piece(kCopyStep, '\0');
  for (off_t offset = 0; written;) {
    const ssize_t got = ::pread(from.get(), piece.data(), piece.size(), offset);
    if (got < 0) return system_error("read", "queue blob");
    if (got == 0) break;
    written = (*writer)->append(std::string_view(piece).substr(0, static_cast<std::size_t>(got)));
    offset += got;
  }
  if (!written) return pass(written);
  Result<std::uint64_t> size = (*writer)->finish();
  if (!size) return pass(size);
  return BlobBody{*size};
}

}  // namespace

Result<std::string> front_of_body(const StoredBody& body) {
  if (!body.blob) return body.prefix + body.bytes;
  std::string front(std::min<std::uint64_t>(body.blob_bytes, maildir::kMaxHeaderScan), '\0');
  const ssize_t got = ::pread(body.blob.get(), front.data(), front.size(), 0);
  if (got < 0) return system_error("read", "queue blob");
  front.resize(static_cast<std::size_t>(got));
  return front;
}

Task<Result<NewBody>> Deliverer::child_body(StoredBody body, std::string prefix, MessageId id) {
  if (!body.blob) co_return ParentBody{};
  Store& store = services_.store;
  auto from = std::make_shared<Fd>(std::move(body.blob));
  std::string front = prefix + body.prefix;
  co_return co_await run_blocking(services_.pool, [&store, from, front = std::move(front), id] {
    return copy_blob(store, *from, front, id);
  });
}

Task<Deliverer::Made> Deliverer::forward(Work work, Address recipient,
                                         std::vector<Address> targets) {
  std::shared_ptr<QueuedMessage> message = services_.ledger.find(work.message);
  StepResult later{kWholeRecipient,
                   StepResult::Kind::deferred,
                   "4.3.0 the message cannot be forwarded at present",
                   {}};
  Result<StoredBody> body = co_await services_.ledger.read_body(work.message);
  if (!body) {
    later.detail = body.error().detail;
    co_return Made{std::nullopt, later};
  }
  Result<std::string> front = front_of_body(*body);
  if (!front) {
    later.detail = front.error().detail;
    co_return Made{std::nullopt, later};
  }
  const std::string prefix = "Delivered-To: " + recipient.str() + "\n";
  if (maildir::was_delivered_to(*front, recipient))
    co_return Made{std::nullopt, looping("5.4.6 this message is looping: it already has my "
                                         "Delivered-To field")};
  HopCounter hops;
  hops.feed(*front);
  if (hops.hops() >= kMaxForwardHops || body->prefix.size() + prefix.size() > kMaxPrefixBytes)
    co_return Made{std::nullopt,
                   looping("5.4.6 this message is looping: it has been forwarded too often")};

  const MessageId id = services_.ids.next();
  const bool own_file = static_cast<bool>(body->blob);
  Result<NewBody> content = co_await child_body(std::move(*body), prefix, id);
  if (!content) {
    later.detail = content.error().detail;
    co_return Made{std::nullopt, later};
  }
  Envelope envelope;
  envelope.reverse_path = message->envelope.reverse_path();
  envelope.eight_bit_mime = message->envelope.eight_bit_mime();
  envelope.smtputf8 = message->envelope.smtputf8();
  for (const Address& target : targets)
    envelope.recipients.push_back(
        Recipient{target.str(), std::string(message->original(work.recipient)), {}, 0});
  Made forwarded;
  forwarded.child = Accepted{id,
                             message->id,
                             services_.clock.wall(),
                             Origin::forward,
                             envelope,
                             own_file ? std::string() : prefix,
                             std::move(*content),
                             std::nullopt};
  forwarded.result.text = "forwarded as " + id.str();
  co_return forwarded;
}

}  // namespace toast::queue
