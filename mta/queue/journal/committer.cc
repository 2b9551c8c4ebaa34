#include "mta/queue/journal/committer.h"

#include "mta/queue/journal/fold.h"

namespace toast::queue {
namespace {

// One more try in another segment, then the journal has failed.
constexpr int kTries = 2;

}  // namespace

Result<void> Committer::start(Position previous_end) { return take_segment(previous_end); }

Result<void> Committer::commit(std::span<const Record> batch) {
  if (auto good = prepare(batch); !good) return good;
  std::size_t written = 0;
  while (written < batch.size()) {
    Result<std::size_t> upto = write_some(batch, written);
    if (!upto) return pass(upto);
    written = *upto;
  }
  fold(batch);
  return {};
}

// Everything that can be wrong with a batch is found before any of it is written.
Result<void> Committer::prepare(std::span<const Record> batch) {
  arrivals_.clear();
  incoming_.clear();
  first_message_.clear();
  new_ids_.clear();
  for (const Record& record : batch) {
    first_message_.push_back(arrivals_.size());
    if (auto good = check(record); !good) return good;
    if (const auto* accepted = std::get_if<Accepted>(&record)) {
      if (auto good = prepare_message(*accepted, {}); !good) return good;
    } else if (const auto* compound = std::get_if<Compound>(&record)) {
      for (const Accepted& child : compound->children)
        if (auto good = prepare_message(child, compound->parent); !good) return good;
    }
  }
  first_message_.push_back(arrivals_.size());
  return {};
}

Result<void> Committer::prepare_message(const Accepted& accepted, MessageId parent) {
  if (core_.index.find(accepted.id) != nullptr ||
      !new_ids_.try_emplace(accepted.id, arrivals_.size()).second)
    return permanent("message id " + accepted.id.str() + " is live already");
  Arrival arrival{state_of(accepted), OwnBytes{}};
  Incoming incoming;
  if (const auto* own = std::get_if<InlineBody>(&accepted.body)) {
    if (own->bytes.size() > core_.options.max_inline_body)
      return permanent("message " + accepted.id.str() + ": too large to be in the journal");
    incoming.body = BodyRef::make(InlinePlace{});  // known once it is staged
    incoming.own_bytes = own->bytes;
    incoming.brings_bytes = true;
  } else if (const auto* blob = std::get_if<BlobBody>(&accepted.body)) {
    incoming.body = BodyRef::make(BlobPlace{accepted.id, blob->size});
  } else if (auto done = share_body(arrival, incoming, parent); !done) {
    return done;
  }
  arrivals_.push_back(std::move(arrival));
  incoming_.push_back(std::move(incoming));
  return {};
}

// The child reads its own prefix, then all that its parent reads.
Result<void> Committer::share_body(Arrival& arrival, Incoming& incoming, MessageId parent) const {
  const MessageState* state = nullptr;
  if (const auto created = new_ids_.find(parent);
      created != new_ids_.end() && created->second < arrivals_.size()) {
    state = &arrivals_[created->second].state;
    incoming.body = incoming_[created->second].body;
  } else if (const LiveMessage* live = core_.index.find(parent)) {
    state = &live->state;
    incoming.body = live->body;
  }
  if (state == nullptr)
    return permanent("message " + arrival.state.id.str() + ": its parent is not live");
  arrival.state.share_content(*state);
  if (arrival.state.prefix && arrival.state.prefix->size() > kMaxPrefixBytes)
    return permanent("message " + arrival.state.id.str() + ": too much in front of the body");
  return {};
}

// As many records as fit one write, from `first` on: write -> fdatasync. After a failure the same
// records go to another segment, whose header says that they do not count in the first.
Result<std::size_t> Committer::write_some(std::span<const Record> batch, std::size_t first) {
  Result<void> done;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    std::size_t staged = log_.usable() ? stage(batch, first) : first;
    if (staged == first) {
      done = take_segment({log_.segment()->sequence(), log_.segment()->end});
      if (!done) continue;
      staged = stage(batch, first);
      if (staged == first) return transient("journal: a record larger than a segment");
    }
    const std::uint64_t before = log_.segment()->end;
    done = log_.flush();
    const std::lock_guard lock(core_.mutex);
    ++core_.status.syncs;
    if (done) {
      log_bytes_ += log_.segment()->end - before;
      core_.status.committed_bytes = log_bytes_;
      return staged;
    }
    ++core_.status.abandoned_segments;
  }
  return pass(done);
}

Result<void> Committer::take_segment(Position previous_end) {
  Result<Segment*> fresh =
      core_.store.activate(SegmentKind::log, previous_end, core_.index.newest().value());
  if (!fresh) return pass(fresh);
  if (core_.active != nullptr) {
    core_.active->sealed = true;
    core_.active->sealed_at = core_.checkpoints_begun;
  }
  core_.active = *fresh;
  log_.use(*fresh);
  return {};
}

std::size_t Committer::stage(std::span<const Record> batch, std::size_t first) {
  std::size_t next = first;
  for (; next < batch.size(); ++next) {
    const std::string meta = encode(batch[next], next);
    std::uint64_t frame_bytes = kFrameHeaderBytes + meta.size();
    for (const std::string_view body : bodies_) frame_bytes += body.size();
    if (!log_.fits(frame_bytes)) break;
    const auto type = static_cast<RecordType>(batch[next].index() + 1);
    const Position frame = log_.add(type, meta, bodies_);
    place_bodies(next, frame, meta.size(), frame_bytes);
  }
  return next;
}

// The meta-data of record `index` of the batch; bodies_ are the bytes to follow it.
std::string Committer::encode(const Record& record, std::size_t index) {
  static_assert(std::is_same_v<std::variant_alternative_t<7, Record>, Compound> &&
                static_cast<std::size_t>(RecordType::compound) == 8);
  const std::size_t begin = first_message_[index];
  const std::size_t end = first_message_[index + 1];
  bodies_.clear();
  for (std::size_t i = begin; i < end; ++i) {
    const Incoming& incoming = incoming_[i];
    if (incoming.brings_bytes) {
      arrivals_[i].body = OwnBytes{static_cast<std::uint32_t>(incoming.own_bytes.size())};
      bodies_.push_back(incoming.own_bytes);
    } else {
      std::visit([&](const auto& place) { arrivals_[i].body = place; }, incoming.body->place());
    }
  }
  Encoder e;
  if (const auto* compound = std::get_if<Compound>(&record)) {
    const std::span<const Arrival> children(arrivals_.data() + begin, end - begin);
    encode_meta(e, compound->parent, compound->outcomes, children, compound->finishes_parent);
  } else if (std::holds_alternative<Accepted>(record)) {
    encode_meta(e, arrivals_[begin]);
  } else {
    std::visit(
        [&e](const auto& change) {
          using Change = std::decay_t<decltype(change)>;
          if constexpr (!std::is_same_v<Change, Accepted> && !std::is_same_v<Change, Compound>)
            encode_meta(e, change);
        },
        record);
  }
  return e.take();
}

void Committer::place_bodies(std::size_t index, Position frame, std::size_t meta_bytes,
                             std::uint64_t frame_bytes) {
  std::size_t offset = kFrameHeaderBytes + meta_bytes;
  for (std::size_t i = first_message_[index]; i < first_message_[index + 1]; ++i) {
    Incoming& incoming = incoming_[i];
    if (!incoming.brings_bytes) continue;
    incoming.body->set_place(InlinePlace{frame, static_cast<std::uint32_t>(frame_bytes),
                                         static_cast<std::uint32_t>(offset),
                                         static_cast<std::uint32_t>(incoming.own_bytes.size())});
    offset += incoming.own_bytes.size();
  }
}

// What is durable becomes visible. Blobs that nobody needs any longer go last.
void Committer::fold(std::span<const Record> batch) {
  std::vector<BodyRef> unneeded;
  {
    const std::lock_guard lock(core_.mutex);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      add_messages(i);
      BodyRef gone = std::visit(
          [this](const auto& record) -> BodyRef {
            using Kind = std::decay_t<decltype(record)>;
            if constexpr (std::is_same_v<Kind, Accepted>) {
              return {};
            } else if constexpr (std::is_same_v<Kind, Compound>) {
              return fold_parent(core_.index, record);
            } else {
              return fold_change(core_.index, record);
            }
          },
          batch[i]);
      if (gone) unneeded.push_back(std::move(gone));
    }
    ++core_.status.commits;
    core_.status.log_segment = core_.active->sequence();
    core_.status.log_offset = core_.active->end;
  }
  for (const BodyRef& body : unneeded)
    if (body->is_blob())  // what stays is swept at the next open
      (void)core_.disk.unlink(blob_name(std::get<BlobPlace>(body->place()).owner));
}

void Committer::add_messages(std::size_t index) {
  for (std::size_t i = first_message_[index]; i < first_message_[index + 1]; ++i) {
    Incoming& incoming = incoming_[i];
    if (incoming.brings_bytes) {
      const auto place = std::get<InlinePlace>(incoming.body->place());
      attach(*incoming.body, *core_.store.find(place.frame.sequence));
    }
    core_.index.add(std::move(arrivals_[i].state), std::move(incoming.body));
  }
}

}  // namespace toast::queue
