#include "tests/crash/journal/workload.h"

#include "mta/queue/journal/record_codec.h"

namespace toast::queue::sim {
namespace {

constexpr std::size_t kMostInline = 3'000;
constexpr std::uint64_t kIdsOfForgeries = 1'000'000;

}  // namespace

std::string Workload::text(std::size_t most) {
  return std::string(below(most + 1), static_cast<char>('a' + below(26)));
}

std::string Workload::body(std::size_t size) {
  std::string bytes(size, static_cast<char>('A' + below(26)));
  for (std::size_t i = 0; i < size; i += 64) bytes[i] = static_cast<char>(random_());
  return bytes;
}

Envelope Workload::envelope() {
  Envelope envelope;
  if (below(4) != 0) envelope.reverse_path = "sender@example.net";
  const std::uint64_t recipients = 1 + below(3);
  for (std::uint64_t i = 0; i < recipients; ++i)
    envelope.recipients.push_back(
        {"ann@example.org", "Ann.Original@example.org", text(8), kNotifyFailure});
  envelope.eight_bit_mime = below(2) == 0;
  envelope.peer = "192.0.2.7";
  envelope.session = text(8);
  return envelope;
}

// Frames as a journal without a salt would make them: an accepted message that nobody sent. Each
// lies where a block will begin, if the carrier is the first record of its batch; its sequence is
// this segment's or that of a later use of the file.
std::string Workload::forged_body(std::size_t size, const Accepted& carrier) {
  Encoder carrier_meta;
  encode_meta(carrier_meta, Arrival{state_of(carrier), OwnBytes{}});
  const std::uint64_t body_at = offset_ + kFrameHeaderBytes + carrier_meta.view().size();
  std::string bytes(size, 'x');
  for (std::uint64_t at = round_up(body_at, kBlock); at + kBlock <= body_at + size; at += kBlock) {
    Accepted forged;
    forged.id = MessageId(kIdsOfForgeries + below(kIdsOfForgeries));
    forged.envelope = carrier.envelope;
    forged.body = InlineBody{};
    Encoder meta;
    encode_meta(meta, Arrival{state_of(forged), OwnBytes{}});
    FrameHeader frame;
    frame.payload_bytes = frame.meta_bytes = static_cast<std::uint32_t>(meta.view().size());
    if (frame.frame_bytes() > kBlock) continue;
    frame.last_of_batch = below(2) == 0;
    frame.sequence = sequence_ + below(10);
    frame.offset = at;
    frame.durable = below(2) == 0 ? at : kFirstRecord;
    char* const place = bytes.data() + (at - body_at);
    std::copy(meta.view().begin(), meta.view().end(), place + kFrameHeaderBytes);
    seal_frame({place, frame.frame_bytes()}, frame, Salt{});
  }
  return bytes;
}

Accepted Workload::message() {
  Accepted accepted;
  accepted.id = MessageId(next_id_++);
  accepted.arrival = clock_.wall();
  accepted.envelope = envelope();
  if (below(4) == 0) accepted.prefix = "Delivered-To: somebody\n";
  if (below(8) == 0) accepted.hold = "a filter said so";
  const std::size_t size = below(3) == 0 ? below(kMostInline) : below(200);
  accepted.body = InlineBody{};
  accepted.body = InlineBody{forge_ ? forged_body(kMostInline, accepted) : body(size)};
  return accepted;
}

Accepted Workload::large_message(std::uint64_t size) {
  Accepted accepted = message();
  accepted.body = BlobBody{size};
  return accepted;
}

Target Workload::some_target(const MessageState& state) {
  Target target;
  target.recipient = static_cast<std::uint32_t>(below(state.recipients.size()));
  const std::size_t steps = state.recipients[target.recipient]->steps.size();
  if (steps > 0) target.instruction = static_cast<std::uint32_t>(below(steps));
  return target;
}

Record Workload::some_compound(const ModelMessage& parent) {
  Compound compound;
  compound.parent = parent.state.id;
  compound.outcomes.push_back(
      Outcome{parent.state.id, some_target(parent.state), Fate::delivered, "forwarded"});
  const std::uint64_t children = below(3);
  for (std::uint64_t i = 0; i < children; ++i) {
    Accepted child = message();
    child.parent = parent.state.id;
    child.origin = Origin::forward;
    if (below(3) != 0 && parent.state.prefix.value_or({}).size() < 200) child.body = ParentBody{};
    compound.children.push_back(std::move(child));
  }
  compound.finishes_parent = below(2) == 0;
  return compound;
}

Record Workload::change(const Model& now) {
  auto chosen = now.live().begin();
  std::advance(chosen, below(now.live().size()));
  const MessageState& state = chosen->second.state;
  const MessageId id = state.id;
  switch (below(10)) {
    case 0:
      return Frozen{id,
                    static_cast<std::uint32_t>(below(state.recipients.size())),
                    {"./Maildir/", "&bob@example.net"}};
    case 1:
    case 2:
      return Outcome{id, some_target(state), below(2) == 0 ? Fate::delivered : Fate::failed,
                     text(40)};
    case 3:
      return Deferral{id, some_target(state), clock_.wall() + std::chrono::seconds{below(1000)},
                      static_cast<std::uint32_t>(below(20)), text(40)};
    case 4:
      return Hold{id, text(20)};
    case 5:
      return Release{id};
    case 6:
    case 7:
      return some_compound(chosen->second);
    default:
      return Finished{id};
  }
}

std::vector<Record> Workload::batch(const Model& model,
                                    const std::map<MessageId, std::string>& blobs) {
  std::vector<Record> records;
  Model now = model;
  const std::uint64_t size = 1 + below(below(4) == 0 ? 12 : 3);
  const std::uint64_t backlog = 12;
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::uint64_t live = now.live().size();
    if (live == 0 || (live < backlog && below(2) == 0)) {
      records.emplace_back(message());
    } else {
      records.push_back(change(now));
    }
    now.apply(records.back(), blobs);
  }
  return records;
}

}  // namespace toast::queue::sim
