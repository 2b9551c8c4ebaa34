#include "mta/queue/journal/record_codec.h"

namespace toast::queue {
namespace {

enum class BodyTag : std::uint8_t { own, in_frame, blob };
constexpr std::size_t kMaxFrameBytes = kMaxRecordBytes;

void put_id(Encoder& e, MessageId id) { e.u64(id.value()); }
MessageId take_id(Decoder& d) { return MessageId(d.u64()); }

void put_time(Encoder& e, WallTime t) { e.i64(unix_microseconds(t)); }
WallTime take_time(Decoder& d) { return WallTime{std::chrono::microseconds{d.i64()}}; }

void put_text(Encoder& e, std::string_view text) { e.bytes(text.substr(0, kMaxText)); }
std::string take_text(Decoder& d) { return d.string(kMaxText); }

void put_target(Encoder& e, const Target& target) {
  e.u32(target.recipient);
  e.u32(target.instruction);
}
Target take_target(Decoder& d) {
  Target target;
  target.recipient = d.u32();
  target.instruction = d.u32();
  return target;
}

void put_hold(Encoder& e, const Rare<std::string>& hold) {
  e.boolean(static_cast<bool>(hold));
  if (hold) put_text(e, *hold);
}
Rare<std::string> take_hold(Decoder& d) {
  if (!d.boolean()) return {};
  return take_text(d);
}

void put_envelope(Encoder& e, const PackedEnvelope& envelope) {
  e.bytes(envelope.reverse_path());
  e.u32(envelope.recipients());
  for (std::uint32_t i = 0; i < envelope.recipients(); ++i) {
    const RecipientView recipient = envelope.recipient(i);
    e.bytes(recipient.address);
    e.bytes(recipient.original);
    e.bytes(recipient.orcpt);
    e.u8(recipient.notify);
  }
  e.boolean(envelope.eight_bit_mime());
  e.boolean(envelope.smtputf8());
  e.boolean(envelope.verp());
  e.enumeration(envelope.ret());
  e.bytes(envelope.envid());
  e.bytes(envelope.authenticated());
  e.bytes(envelope.peer());
  e.bytes(envelope.helo());
  e.bytes(envelope.session());
}

RecipientView take_recipient(Decoder& d) {
  RecipientView recipient;
  recipient.address = d.bytes(kMaxAddressBytes);
  recipient.original = d.bytes(kMaxAddressBytes);
  recipient.orcpt = d.bytes(kMaxOrcptBytes);
  recipient.notify = d.u8();
  return recipient;
}
PackedEnvelope take_envelope(Decoder& d) {
  PackedEnvelope::Packer packer;
  packer.reverse_path(d.bytes(kMaxAddressBytes));
  const std::uint32_t recipients = d.u32();
  if (recipients == 0) d.fail("no recipient");
  if (recipients > kMaxRecipients) d.fail("too many recipients");
  for (std::uint32_t i = 0; i < recipients && d.ok(); ++i) packer.recipient(take_recipient(d));
  const bool eight_bit_mime = d.boolean();
  const bool smtputf8 = d.boolean();
  const bool verp = d.boolean();
  packer.properties(eight_bit_mime, smtputf8, verp, d.enumeration(DsnReturn::full));
  packer.trace_text(d.bytes(kMaxEnvidBytes));
  for (int i = 0; i < 4; ++i) packer.trace_text(d.bytes(kMaxTraceBytes));
  return packer.finish();
}

void put_in_frame(Encoder& e, const InlinePlace& place) {
  e.u64(place.frame.sequence);
  e.u64(place.frame.offset);
  e.u32(place.frame_bytes);
  e.u32(place.body_offset);
  e.u32(place.body_bytes);
}
InlinePlace take_in_frame(Decoder& d) {
  InlinePlace place;
  place.frame.sequence = d.u64();
  place.frame.offset = d.u64();
  place.frame_bytes = d.u32();
  place.body_offset = d.u32();
  place.body_bytes = d.u32();
  if (place.frame_bytes > kMaxFrameBytes || place.body_offset > place.frame_bytes ||
      place.body_bytes > place.frame_bytes - place.body_offset)
    d.fail("a body outside its frame");
  return place;
}

void put_blob(Encoder& e, const BlobPlace& place) {
  put_id(e, place.owner);
  e.u64(place.size);
}
BlobPlace take_blob(Decoder& d) {
  BlobPlace place;
  place.owner = take_id(d);
  place.size = d.u64();
  return place;
}

void put_source(Encoder& e, const BodySource& source) {
  if (const auto* own = std::get_if<OwnBytes>(&source)) {
    e.enumeration(BodyTag::own);
    e.u32(own->size);
  } else if (const auto* place = std::get_if<InlinePlace>(&source)) {
    e.enumeration(BodyTag::in_frame);
    put_in_frame(e, *place);
  } else {
    e.enumeration(BodyTag::blob);
    put_blob(e, std::get<BlobPlace>(source));
  }
}
BodySource take_source(Decoder& d) {
  switch (d.enumeration(BodyTag::blob)) {
    case BodyTag::own:
      return OwnBytes{d.u32()};
    case BodyTag::in_frame:
      return take_in_frame(d);
    case BodyTag::blob:
      break;
  }
  return take_blob(d);
}

// What a message is when it arrives; how far it has come is put_progress's.
void put_arrival(Encoder& e, const MessageState& state) {
  put_id(e, state.id);
  put_id(e, state.parent);
  put_time(e, state.arrival);
  e.enumeration(state.origin);
  put_envelope(e, state.envelope);
  e.bytes(state.prefix ? std::string_view(*state.prefix) : std::string_view());
  e.u64(state.size_bytes);
  put_hold(e, state.hold);
}
MessageState take_arrival(Decoder& d) {
  MessageState state;
  state.id = take_id(d);
  state.parent = take_id(d);
  state.arrival = take_time(d);
  state.origin = d.enumeration(Origin::reply);
  state.envelope = take_envelope(d);
  if (const std::string_view prefix = d.bytes(kMaxPrefixBytes); !prefix.empty())
    state.prefix = std::string(prefix);
  state.size_bytes = d.u64();
  state.hold = take_hold(d);
  state.recipients = RecipientStates(state.envelope.recipients());
  return state;
}

void put_progress(Encoder& e, const Progress& progress) {
  e.enumeration(progress.fate);
  put_time(e, progress.next_attempt);
  e.u32(progress.attempts);
  put_text(e, progress.text);
}
Progress take_progress(Decoder& d) {
  Progress progress;
  progress.fate = d.enumeration(Fate::failed);
  progress.next_attempt = take_time(d);
  progress.attempts = d.u32();
  progress.text = take_text(d);
  return progress;
}

void put_facts(Encoder& e, const RecipientFacts& facts) {
  e.boolean(facts.frozen);
  put_progress(e, facts.whole);
  e.list(facts.steps, [](Encoder& inner, const Step& step) {
    inner.bytes(step.instruction);
    put_progress(inner, step.progress);
  });
}
RecipientFacts take_facts(Decoder& d) {
  RecipientFacts facts;
  facts.frozen = d.boolean();
  facts.whole = take_progress(d);
  facts.steps = d.list(kMaxInstructions, [](Decoder& inner) {
    Step step;
    step.instruction = inner.string(kMaxInstructionBytes);
    step.progress = take_progress(inner);
    return step;
  });
  return facts;
}

void put_recipient_states(Encoder& e, const RecipientStates& states) {
  e.u32(static_cast<std::uint32_t>(states.size()));
  for (std::size_t i = 0; i < states.size(); ++i) put_facts(e, *states[i]);
}
void take_recipient_states(Decoder& d, RecipientStates& states) {
  if (d.u32() != states.size()) d.fail("recipients and their states differ in number");
  for (std::size_t i = 0; i < states.size() && d.ok(); ++i) {
    RecipientFacts facts = take_facts(d);
    if (facts != RecipientFacts{}) states.change(i) = std::move(facts);
  }
}

Arrival take_arrival_record(Decoder& d) {
  Arrival arrival;
  arrival.state = take_arrival(d);
  arrival.body = take_source(d);
  return arrival;
}
Frozen take_frozen(Decoder& d) {
  Frozen record;
  record.id = take_id(d);
  record.recipient = d.u32();
  record.instructions =
      d.list(kMaxInstructions, [](Decoder& inner) { return inner.string(kMaxInstructionBytes); });
  return record;
}
Outcome take_outcome(Decoder& d) {
  Outcome record;
  record.id = take_id(d);
  record.target = take_target(d);
  record.fate = d.enumeration(Fate::failed);
  if (record.fate == Fate::pending) d.fail("an outcome still pending");
  record.text = take_text(d);
  return record;
}
Deferral take_deferral(Decoder& d) {
  Deferral record;
  record.id = take_id(d);
  record.target = take_target(d);
  record.next_attempt = take_time(d);
  record.attempts = d.u32();
  record.text = take_text(d);
  return record;
}
Hold take_hold_record(Decoder& d) {
  Hold record;
  record.id = take_id(d);
  record.reason = take_text(d);
  return record;
}
StoredCompound take_compound(Decoder& d) {
  StoredCompound record;
  record.parent = take_id(d);
  record.outcomes = d.list(kMaxRecipients, take_outcome);
  record.children = d.list(kMaxChildren, take_arrival_record);
  record.finishes_parent = d.boolean();
  return record;
}

std::optional<StoredRecord> take_record(Decoder& d, RecordType type) {
  switch (type) {
    case RecordType::accepted:
      return take_arrival_record(d);
    case RecordType::frozen:
      return take_frozen(d);
    case RecordType::outcome:
      return take_outcome(d);
    case RecordType::deferral:
      return take_deferral(d);
    case RecordType::hold:
      return take_hold_record(d);
    case RecordType::release:
      return Release{take_id(d)};
    case RecordType::finished:
      return Finished{take_id(d)};
    case RecordType::compound:
      return take_compound(d);
    case RecordType::body:
      break;
  }
  return std::nullopt;
}

}  // namespace

void encode_meta(Encoder& e, const Arrival& arrival) {
  put_arrival(e, arrival.state);
  put_source(e, arrival.body);
}
void encode_meta(Encoder& e, const Frozen& record) {
  put_id(e, record.id);
  e.u32(record.recipient);
  e.list(record.instructions, [](Encoder& inner, const std::string& i) { inner.bytes(i); });
}
void encode_meta(Encoder& e, const Outcome& record) {
  put_id(e, record.id);
  put_target(e, record.target);
  e.enumeration(record.fate);
  put_text(e, record.text);
}
void encode_meta(Encoder& e, const Deferral& record) {
  put_id(e, record.id);
  put_target(e, record.target);
  put_time(e, record.next_attempt);
  e.u32(record.attempts);
  put_text(e, record.text);
}
void encode_meta(Encoder& e, const Hold& record) {
  put_id(e, record.id);
  put_text(e, record.reason);
}
void encode_meta(Encoder& e, const Release& record) { put_id(e, record.id); }
void encode_meta(Encoder& e, const Finished& record) { put_id(e, record.id); }
void encode_meta(Encoder& e, MessageId parent, const std::vector<Outcome>& outcomes,
                 std::span<const Arrival> children, bool finishes_parent) {
  put_id(e, parent);
  e.list(outcomes, [](Encoder& inner, const Outcome& o) { encode_meta(inner, o); });
  e.list(children, [](Encoder& inner, const Arrival& a) { encode_meta(inner, a); });
  e.boolean(finishes_parent);
}

Result<StoredRecord> decode_record(RecordType type, std::string_view meta) {
  Decoder d(meta);
  std::optional<StoredRecord> record = take_record(d, type);
  if (!record) return permanent("journal record: not a type that the log holds");
  if (auto done = d.finish("journal record"); !done) return pass(done);
  return std::move(*record);
}

void encode_snapshot(Encoder& e, const MessageState& state, const BodyPlace& body, bool shared) {
  put_arrival(e, state);
  put_recipient_states(e, state.recipients);
  if (const auto* place = std::get_if<InlinePlace>(&body)) {
    put_source(e, *place);
  } else {
    put_source(e, std::get<BlobPlace>(body));
  }
  e.boolean(shared);
}

Snapshot decode_snapshot(Decoder& d) {
  Snapshot snapshot;
  snapshot.state = take_arrival(d);
  take_recipient_states(d, snapshot.state.recipients);
  const BodySource source = take_source(d);
  if (const auto* place = std::get_if<InlinePlace>(&source)) {
    snapshot.body = *place;
  } else if (const auto* blob = std::get_if<BlobPlace>(&source)) {
    snapshot.body = *blob;
  } else {
    d.fail("a checkpoint holds no bodies");
  }
  snapshot.shared = d.boolean();
  return snapshot;
}

}  // namespace toast::queue
