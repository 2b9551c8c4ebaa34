#include "mta/queue/journal/maintenance.h"

#include <algorithm>

namespace toast::queue {
namespace {

constexpr std::size_t kKeptCheckpoints = 2;
constexpr std::chrono::seconds kRetryAfter{5};    // after a failure of housekeeping
constexpr std::chrono::seconds kMeasureEvery{1};  // statvfs
constexpr std::size_t kSpareSurplus = 2;          // spares kept, as a multiple of those wanted

}  // namespace

Maintenance::Maintenance(Core& core, const LogEnd& recovered)
    : core_(core),
      cold_(core.options.max_write),
      kept_(recovered.checkpoints.begin(), recovered.checkpoints.end()),
      last_checkpoint_bytes_(recovered.checkpoint_bytes),
      checkpoint_wanted_(recovered.replayed_segments > 4 * core.options.checkpoint_segments) {}

bool Maintenance::step(std::uint64_t log_bytes) {
  measure_space();
  if (core_.clock.steady() < not_before_) return false;
  const Did did = next_piece(log_bytes);
  const std::lock_guard lock(core_.mutex);
  core_.status.spares = core_.store.spares();
  core_.status.segments = core_.store.all().size();
  if (did) return *did;
  ++core_.status.maintenance_errors;
  core_.status.last_maintenance_error = did.error().detail;
  not_before_ = core_.clock.steady() + kRetryAfter;
  return false;
}

// What frees space comes first, what needs some comes last.
Maintenance::Did Maintenance::next_piece(std::uint64_t log_bytes) {
  Did did = recycle();
  if (!did || *did) return did;
  if (checkpoint_) return continue_checkpoint();
  if (checkpoint_due(log_bytes)) return begin_checkpoint(log_bytes);
  did = make_spares();
  if (!did || *did) return did;
  return compact();
}

// --- recycling ---

// A checkpoint that began after the segment became empty neither names a body in it nor needs a
// record of it. Two such, so that the older one is good for a start if the newer is damaged.
bool Maintenance::covered(std::uint64_t empty_at) const {
  const std::size_t needed = core_.options.recycle_after_checkpoints;
  return needed == 0 || (kept_.size() >= needed && kept_[kept_.size() - needed] > empty_at);
}

bool Maintenance::recyclable(Segment& segment) const {
  if (!segment.sealed || !segment.bodies.empty()) return false;
  if (!segment.empty_at) segment.empty_at = core_.checkpoints_begun;
  if (!covered(*segment.empty_at)) return false;
  const std::lock_guard lock(core_.mutex);
  return segment.file.use_count() == 1;  // nobody reads it
}

Maintenance::Did Maintenance::recycle() {
  const std::size_t keep = kSpareSurplus * core_.options.spare_segments;
  for (const auto& [sequence, segment] : core_.store.all()) {
    if (!recyclable(*segment)) continue;
    if (auto done = core_.store.retire(sequence, keep); !done) return pass(done, "recycle");
    const std::lock_guard lock(core_.mutex);
    ++core_.status.recycled_segments;
    return true;
  }
  return false;
}

std::size_t Maintenance::waiting_for_checkpoints() const {
  return static_cast<std::size_t>(std::ranges::count_if(core_.store.all(), [this](const auto& e) {
    return e.second->empty_at && !covered(*e.second->empty_at);
  }));
}

// --- checkpoints ---

// After so many bytes of log; and earlier if that gives back segments that are wanted.
bool Maintenance::checkpoint_due(std::uint64_t log_bytes) const {
  const JournalOptions& options = core_.options;
  // A checkpoint beyond the bound is not written more often than it is long.
  const std::uint64_t large =
      std::max(last_checkpoint_bytes_, std::min(options.checkpoint_spacing * last_checkpoint_bytes_,
                                                options.max_checkpoint_spacing));
  const std::uint64_t due = std::max(options.checkpoint_segments * options.segment_bytes, large);
  if (checkpoint_wanted_ || log_bytes - log_bytes_at_checkpoint_ >= due) return true;
  const bool short_of_space = core_.store.spares() <= reserve() && !has_room();
  return waiting_for_checkpoints() > (short_of_space ? 0 : kSpareSurplus * options.spare_segments);
}

Maintenance::Did Maintenance::begin_checkpoint(std::uint64_t log_bytes) {
  CheckpointHeader header;
  header.number = ++core_.checkpoints_begun;
  header.queue_id = core_.store.queue_id();
  header.replay = Position{core_.active->sequence(), core_.active->end};
  header.next_sequence = core_.store.next_sequence();
  header.newest_id = core_.index.newest();
  header.begun_at = unix_microseconds(core_.clock.wall());
  auto begun = CheckpointWriter::begin(core_.disk, core_.random, std::move(header));
  if (!begun) return pass(begun, "checkpoint");
  checkpoint_ = std::move(*begun);
  log_bytes_at_checkpoint_ = log_bytes;
  core_.index.begin_walk();
  return true;
}

Maintenance::Did Maintenance::continue_checkpoint() {
  const LiveMessage* message = nullptr;
  while (checkpoint_->collected() < core_.options.maintain_slice) {
    message = core_.index.walk();
    if (message == nullptr) break;
    checkpoint_->add(*message);
  }
  Result<void> done = checkpoint_->write_slice();
  if (done && message == nullptr) done = publish_checkpoint();
  if (!done) {
    core_.store.give_up_spare(1);  // if it was for want of space, there is some now
    checkpoint_->abandon(core_.disk);
    checkpoint_.reset();
    checkpoint_wanted_ = true;
    return pass(done, "checkpoint");
  }
  return true;
}

Result<void> Maintenance::publish_checkpoint() {
  if (auto done = checkpoint_->publish(core_.disk); !done) return done;
  kept_.push_back(checkpoint_->header().number);
  last_checkpoint_bytes_ = checkpoint_->size_bytes();
  checkpoint_wanted_ = false;
  checkpoint_.reset();
  {
    const std::lock_guard lock(core_.mutex);
    core_.status.checkpoint_number = kept_.back();
  }
  while (kept_.size() > kKeptCheckpoints) {
    (void)core_.disk.unlink(checkpoint_name(kept_.front()));  // what stays is never the newest
    kept_.pop_front();
  }
  return {};
}

// --- spares ---

bool Maintenance::has_room() const {
  return core_.status.free_bytes >= core_.options.low_water_bytes + core_.options.segment_bytes;
}

// The reserve is made whatever the space; more only while there is room for others.
Maintenance::Did Maintenance::make_spares() {
  const std::size_t spares = core_.store.spares();
  if (spares >= core_.options.spare_segments || (spares >= reserve() && !has_room())) return false;
  Result<bool> grown = core_.store.preallocate(core_.options.maintain_slice);
  if (!grown) return pass(grown);
  return true;
}

// --- compaction ---

// A sealed segment that would have been recycled by now but for a few live bodies.
Segment* Maintenance::find_straggler() const {
  if (kept_.size() < kKeptCheckpoints) return nullptr;
  Segment* best = nullptr;
  for (const auto& [sequence, segment] : core_.store.all()) {
    const bool is_one =
        segment->sealed && !segment->bodies.empty() && !segment->unmovable &&
        segment->sealed_at < kept_.front() &&
        segment->live_bytes * core_.options.compact_fraction < core_.options.segment_bytes;
    if (is_one && (best == nullptr || segment->live_bytes < best->live_bytes)) best = segment.get();
  }
  return best;
}

// copy -> fdatasync -> the index points to the copy. The old place stays good until the segment is
// recycled, so a crash at any point finds the body.
Maintenance::Did Maintenance::compact() {
  Segment* const from = find_straggler();
  if (from == nullptr) return false;
  if (!cold_.usable()) {
    if (core_.store.spares() < 2 && !has_room()) return false;  // the last spare is for commits
    if (auto done = take_cold_segment(); !done) return pass(done, "compaction");
  }
  moves_.clear();
  if (auto done = copy_bodies(*from); !done) return pass(done, "compaction");
  if (auto done = cold_.flush(); !done) {
    seal_cold_segment();
    return pass(done, "compaction");
  }
  switch_places();
  return true;
}

Result<void> Maintenance::take_cold_segment() {
  auto fresh = core_.store.activate(SegmentKind::cold, {}, core_.index.newest().value());
  if (!fresh) return pass(fresh);
  cold_.use(*fresh);
  return {};
}

// What is sealed may be recycled at any time, so nothing may be added to it or point to it.
void Maintenance::seal_cold_segment() {
  cold_.segment()->sealed = true;
  cold_.segment()->sealed_at = core_.checkpoints_begun;
  cold_.use(nullptr);
}

Result<void> Maintenance::copy_bodies(Segment& from) {
  std::uint64_t copied = 0;
  for (auto i = from.bodies.size(); i-- > 0 && copied < core_.options.maintain_slice;) {
    Body& body = *from.bodies[i];
    const auto place = std::get<InlinePlace>(body.place());
    const Result<std::string> bytes = read_place(*from.file, place);
    if (!bytes) {
      from.unmovable = bytes.error().failure == Failure::permanent;
      break;
    }
    Encoder e;
    e.u64(place.frame.sequence);
    e.u64(place.frame.offset);
    const std::string_view meta = e.view();
    const std::string_view payload = *bytes;
    const std::uint64_t frame_bytes = kFrameHeaderBytes + meta.size() + payload.size();
    if (!cold_.fits(frame_bytes)) {
      if (moves_.empty()) seal_cold_segment();  // it is full; the next call takes another
      break;
    }
    const Position to = cold_.add(RecordType::body, meta, {&payload, 1});
    moves_.push_back(
        Move{&body, InlinePlace{to, static_cast<std::uint32_t>(frame_bytes),
                                static_cast<std::uint32_t>(kFrameHeaderBytes + meta.size()),
                                static_cast<std::uint32_t>(payload.size())}});
    copied += frame_bytes;
  }
  return {};
}

void Maintenance::switch_places() {
  const std::lock_guard lock(core_.mutex);
  for (const Move& move : moves_) {
    detach(*move.body);
    move.body->set_place(move.to);
    attach(*move.body, *cold_.segment());
  }
  core_.status.moved_bodies += moves_.size();
}

void Maintenance::measure_space() {
  if (measured_ && core_.clock.steady() < measured_at_ + kMeasureEvery) return;
  const Result<std::uint64_t> bytes = core_.disk.free_bytes();
  const std::lock_guard lock(core_.mutex);
  core_.status.free_bytes = bytes ? *bytes : 0;
  measured_at_ = core_.clock.steady();
  measured_ = true;
}

}  // namespace toast::queue
