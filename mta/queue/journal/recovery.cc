#include "mta/queue/journal/recovery.h"

#include <algorithm>
#include <ranges>

#include "mta/queue/journal/fold.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxDamageLines = 1'000;  // and as many files set aside

std::string range_text(std::uint64_t sequence, std::uint64_t from, std::uint64_t to) {
  return segment_name(sequence) + " bytes " + std::to_string(from) + " to " + std::to_string(to);
}

// The first `size` bytes of a file. What cannot be read, or is not there, comes as zeros: no record
// lies in it then, and recovery treats it as any other damage.
std::string read_what_can_be(DiskFile& file, std::uint64_t size) {
  std::string bytes(size, '\0');
  if (file.read_at(0, bytes)) return bytes;
  for (std::uint64_t at = 0; at < size; at += kPage) {
    const std::span<char> page(bytes.data() + at, std::min(kPage, size - at));
    if (!file.read_at(at, page)) std::ranges::fill(page, '\0');
  }
  return bytes;
}

// What the bodies of `arrivals` add up to must be what the frame has behind its meta-data.
bool bodies_fill(const std::vector<Arrival>& arrivals, std::uint64_t bytes) {
  std::uint64_t sum = 0;
  for (const Arrival& arrival : arrivals)
    if (const auto* own = std::get_if<OwnBytes>(&arrival.body)) sum += own->size;
  return sum == bytes;
}

}  // namespace

Result<LogEnd> Recovery::run(std::uint64_t segment_bytes) {
  // After a kill -9 names are visible that a power cut could still take back.
  if (auto done = disk_.sync_directory(); !done) return pass(done);
  if (auto done = read_names(segment_bytes); !done) return pass(done);
  read_checkpoints();
  store_.adopt_identity(queue_id_, std::max(greatest_sequence_, checkpoint_.next_sequence));
  replay();
  log_.checkpoints.assign(checkpoints_.begin(), checkpoints_.end());
  return log_;
}

Result<void> Recovery::read_names(std::uint64_t segment_bytes) {
  Result<std::vector<std::string>> names = disk_.list();
  if (!names) return pass(names);
  std::set<std::uint64_t> sequences;
  for (const std::string& name : *names) {
    if (name.ends_with(".tmp")) {
      (void)disk_.unlink(name);
    } else if (auto sequence = number_in_name(name, "segment.")) {
      sequences.insert(*sequence);
    } else if (auto number = number_in_name(name, "checkpoint.")) {
      checkpoints_.insert(*number);
    } else if (name.starts_with("blob.")) {
      blobs_.push_back(name);
    } else if (auto spare = number_in_name(name, "spare.")) {
      Result<std::unique_ptr<DiskFile>> file = disk_.open(name);
      if (!file) return pass(file);
      const Result<std::uint64_t> size = (*file)->size();
      if (size && *size == segment_bytes) {
        store_.adopt_spare(*spare, std::move(*file));
      } else {
        (void)disk_.unlink(name);
      }
    }
  }
  return read_headers(sequences);
}

// Newest first: the newest readable header says which queue this is.
Result<void> Recovery::read_headers(const std::set<std::uint64_t>& sequences) {
  for (auto sequence = sequences.rbegin(); sequence != sequences.rend(); ++sequence) {
    greatest_sequence_ = std::max(greatest_sequence_, *sequence);
    const std::string name = segment_name(*sequence);
    Result<std::unique_ptr<DiskFile>> file = disk_.open(name);
    if (!file) return pass(file);
    const std::string bytes = read_what_can_be(**file, kFirstRecord);
    int copies_good = 0;
    std::optional<SegmentHeader> header = decode_segment_header(bytes, copies_good);
    if (header && header->version != kFormatVersion)
      return permanent(name + " has format " + std::to_string(header->version) +
                       ": another version of the program wrote this queue");
    if (header && queue_id_.empty()) queue_id_ = header->queue_id;
    if (!header || header->sequence != *sequence || header->queue_id != queue_id_) {
      damage(name + ": no header of this queue; set aside as damaged." + name);
      if (auto done = disk_.rename(name, "damaged." + name); !done) return done;
      continue;
    }
    if (copies_good < 2) damage(name + ": one copy of its header is damaged; the other serves");
    index_.saw(MessageId(header->newest_id));
    store_.adopt_segment(std::make_shared<SegmentFile>(std::move(*file), std::move(*header)));
  }
  return {};
}

void Recovery::read_checkpoints() {
  if (checkpoints_.empty()) return;
  log_.newest_checkpoint = *checkpoints_.rbegin();
  while (!checkpoints_.empty()) {
    const std::uint64_t number = *checkpoints_.rbegin();
    const std::string name = checkpoint_name(number);
    const Result<void> loaded = load_checkpoint(number);
    if (loaded) return;
    damage(name + " was passed over and set aside: " + loaded.error().detail);
    (void)disk_.rename(name, "damaged." + name);
    checkpoints_.erase(number);
  }
  damage("no checkpoint can be read: everything that the segments hold was replayed");
}

Result<void> Recovery::load_checkpoint(std::uint64_t number) {
  Result<std::unique_ptr<DiskFile>> file = disk_.open(checkpoint_name(number));
  if (!file) return pass(file);
  Result<CheckpointReader> reader = CheckpointReader::open(std::move(*file));
  if (!reader) return pass(reader);
  if (!queue_id_.empty() && reader->header().queue_id != queue_id_)
    return permanent("it is of another queue");
  std::vector<Snapshot> snapshots;
  Result<bool> more = true;
  while (more && *more) more = reader->read_slice(snapshots);
  if (!more) return pass(more);
  checkpoint_ = reader->header();
  queue_id_ = checkpoint_.queue_id;
  log_.checkpoint_bytes = reader->size_bytes();
  index_.saw(checkpoint_.newest_id);
  // A checkpoint has the newest first, the index is quickest to fill in ascending order.
  for (Snapshot& snapshot : std::views::reverse(snapshots)) {
    if (index_.find(snapshot.state.id) != nullptr) continue;  // never written so
    BodyRef body = body_at(snapshot.body, snapshot.shared);
    index_.add(std::move(snapshot.state), std::move(body));
  }
  return {};
}

// Log segments from the replay position on, each up to where the next one says it ends.
void Recovery::replay() {
  std::vector<Segment*> log;
  for (const auto& [sequence, segment] : store_.all())
    if (segment->kind() == SegmentKind::log && sequence >= checkpoint_.replay.sequence)
      log.push_back(segment.get());
  log_.replayed_segments = log.size();
  for (std::size_t i = 0; i < log.size(); ++i) {
    Segment& segment = *log[i];
    const Position previous = segment.file->header.previous_end;
    if (previous.sequence >= std::max<std::uint64_t>(checkpoint_.replay.sequence, 1) &&
        store_.find(previous.sequence) == nullptr)
      damage(segment_name(previous.sequence) + " is missing: its records are lost");
    std::optional<std::uint64_t> known_end;
    for (std::size_t j = i + 1; j < log.size() && !known_end; ++j)
      if (log[j]->file->header.previous_end.sequence == segment.sequence())
        known_end = log[j]->file->header.previous_end.offset;
    const bool first = segment.sequence() == checkpoint_.replay.sequence;
    const std::uint64_t from = first ? checkpoint_.replay.offset : kFirstRecord;
    if (i + 1 == log.size()) settle_tail(segment);
    segment.end = replay_segment(segment, from, known_end);
    log_.end = Position{segment.sequence(), segment.end};
    log_.empty_segment.reset();
    if (segment.end == kFirstRecord && previous.sequence != 0) {
      log_.empty_segment = segment.sequence();
      log_.end = previous;
    }
  }
}

// The last batch may be in the page cache only, left by a process that was killed, or that gave up
// after a failed sync. What counts from here on is what the disk has after one more try: whether
// that succeeds is seen by reading.
void Recovery::settle_tail(Segment& segment) {
  (void)segment.file->file->sync_data();
  segment.file->file->forget_cache();
}

std::vector<Recovery::Frame> Recovery::find_frames(const SegmentHeader& header,
                                                   std::string_view bytes, std::uint64_t from) {
  std::vector<Frame> frames;
  for (std::uint64_t at = from; at + kFrameHeaderBytes <= bytes.size();) {
    const std::optional<FrameHeader> frame =
        open_frame(bytes.substr(at), header.salt, header.sequence, at);
    if (frame) frames.push_back(Frame{*frame, bytes.substr(at, frame->frame_bytes())});
    at = frame ? frame->next() : at + kBlock;
  }
  return frames;
}

// The log of one segment from `from` on. Below the durable end every gap is damage: it is reported,
// set aside and stepped over. From the durable end on the first gap is the torn tail: it and what
// lies behind it were never acknowledged. Returns where the segment ends.
std::uint64_t Recovery::replay_segment(Segment& segment, std::uint64_t from,
                                       std::optional<std::uint64_t> known_end) {
  const SegmentHeader& header = segment.file->header;
  const std::string bytes = read_what_can_be(*segment.file->file, header.segment_bytes);
  const std::vector<Frame> frames = find_frames(header, bytes, from);
  std::uint64_t durable = from;
  for (const Frame& frame : frames) durable = std::max(durable, frame.header.durable);
  if (known_end) durable = *known_end;

  std::uint64_t at = from;
  for (const Frame& frame : frames) {
    const std::uint64_t start = frame.header.offset;
    if (known_end && start >= *known_end) break;
    if (start > at && at < durable) set_aside(header.sequence, bytes, at, std::min(start, durable));
    if (start > at && start >= durable) {
      at = std::max(at, durable);
      if (start > at) break;  // later ones of the same batch
    }
    fold(frame);
    ++report_.records;
    at = frame.header.next();
  }
  if (at < durable) {
    set_aside(header.sequence, bytes, at, durable);
    at = durable;
  }
  return at;
}

void Recovery::set_aside(std::uint64_t sequence, std::string_view bytes, std::uint64_t from,
                         std::uint64_t to) {
  std::string copy = segment_name(sequence);
  copy = "damaged" + copy.substr(copy.find('.')) + "." + std::to_string(from);
  damage(range_text(sequence, from, to) + " are damaged; kept in " + copy);
  if (report_.damage.size() >= kMaxDamageLines) return;
  Result<std::unique_ptr<DiskFile>> file = disk_.create(copy);
  if (!file) return;  // kept by an earlier recovery, or no space: the report has the place
  if (write_all(**file, 0, bytes.substr(from, to - from))) (void)(*file)->sync_data();
}

void Recovery::fold(const Frame& frame) {
  const std::uint32_t meta_bytes = frame.header.meta_bytes;
  Result<StoredRecord> record =
      decode_record(frame.header.type, frame.bytes.substr(kFrameHeaderBytes, meta_bytes));
  if (!record) {
    damage(segment_name(frame.header.sequence) + " byte " + std::to_string(frame.header.offset) +
           ": " + record.error().detail);
    return;
  }
  if (auto* arrival = std::get_if<Arrival>(&*record)) {
    std::vector<Arrival> one;
    one.push_back(std::move(*arrival));
    add_arrivals(one, frame, {});
  } else if (auto* compound = std::get_if<StoredCompound>(&*record)) {
    add_arrivals(compound->children, frame, compound->parent);
    forget(fold_parent(index_, *compound));
  } else {
    std::visit(
        [this](const auto& change) {
          using Change = std::decay_t<decltype(change)>;
          if constexpr (!std::is_same_v<Change, Arrival> && !std::is_same_v<Change, StoredCompound>)
            forget(fold_change(index_, change));
        },
        *record);
  }
}

void Recovery::add_arrivals(std::vector<Arrival>& arrivals, const Frame& frame, MessageId parent) {
  const FrameHeader& header = frame.header;
  if (!bodies_fill(arrivals, header.payload_bytes - header.meta_bytes)) {
    damage(segment_name(header.sequence) + " byte " + std::to_string(header.offset) +
           ": bodies of another size than the record says");
    return;
  }
  auto offset = static_cast<std::uint32_t>(kFrameHeaderBytes + header.meta_bytes);
  for (Arrival& arrival : arrivals) {
    BodyPlace place;
    bool shared = false;
    if (const auto* own = std::get_if<OwnBytes>(&arrival.body)) {
      place = InlinePlace{{header.sequence, header.offset},
                          static_cast<std::uint32_t>(header.frame_bytes()),
                          offset,
                          own->size};
      offset += own->size;
    } else if (const auto* there = std::get_if<InlinePlace>(&arrival.body)) {
      place = *there;
      shared = true;
    } else {
      place = std::get<BlobPlace>(arrival.body);
    }
    if (index_.find(arrival.state.id) != nullptr) continue;  // the checkpoint has it, further on
    const LiveMessage* sharer = shared ? index_.find(parent) : nullptr;
    BodyRef body = sharer != nullptr ? sharer->body : body_at(place, shared);
    index_.add(std::move(arrival.state), std::move(body));
  }
}

// A body's home, one object for all that share it. A segment that is not there leaves the body
// without one: reading it will say so.
BodyRef Recovery::body_at(const BodyPlace& place, bool shared) {
  Body** known = nullptr;
  if (const auto* blob = std::get_if<BlobPlace>(&place)) {
    known = &shared_blobs_[blob->owner];
  } else if (shared) {
    known = &shared_inline_[std::get<InlinePlace>(place)];
  }
  if (known != nullptr && *known != nullptr) return BodyRef(*known);
  BodyRef body = BodyRef::make(place);
  if (const auto* there = std::get_if<InlinePlace>(&place))
    if (Segment* segment = store_.find(there->frame.sequence)) attach(*body, *segment);
  if (known != nullptr) *known = body.get();
  return body;
}

// Nobody needs this body any longer, if it is one.
void Recovery::forget(const BodyRef& gone) {
  if (!gone) return;
  const auto drop = [&gone](auto& known, const auto& key) {
    const auto found = known.find(key);
    if (found != known.end() && found->second == gone.get()) known.erase(found);
  };
  const BodyPlace place = gone->place();
  if (const auto* blob = std::get_if<BlobPlace>(&place))
    drop(shared_blobs_, blob->owner);
  else
    drop(shared_inline_, std::get<InlinePlace>(place));
}

void Recovery::sweep_blobs() {
  std::set<std::string> needed;
  index_.begin_walk();
  while (const LiveMessage* message = index_.walk())
    if (message->body->is_blob())
      needed.insert(blob_name(std::get<BlobPlace>(message->body->place()).owner));
  std::size_t swept = 0;
  for (const std::string& name : blobs_)
    if (needed.erase(name) == 0 && disk_.unlink(name)) ++swept;
  if (swept > 0) report_.remarks.push_back(std::to_string(swept) + " orphan blobs were swept");
  for (const std::string& name : needed) damage(name + " is missing: its message has no body");
}

void Recovery::damage(std::string line) {
  if (report_.damage.size() < kMaxDamageLines) report_.damage.push_back(std::move(line));
}

}  // namespace toast::queue
