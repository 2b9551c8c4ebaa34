#include "mta/queue/journal/journal.h"

#include <sodium.h>

#include "mta/queue/journal/committer.h"
#include "mta/queue/journal/core.h"
#include "mta/queue/journal/maintenance.h"
#include "mta/queue/journal/recovery.h"

namespace toast::queue {
namespace {

constexpr std::uint64_t kMinSegmentPages = 4;

Result<void> check_options(const JournalOptions& options) {
  if (options.segment_bytes % kPage != 0 || options.segment_bytes < kMinSegmentPages * kPage)
    return permanent("journal: a segment is a whole number of pages, at least 4");
  if (options.max_inline_body > kMaxRecordBytes / 2 ||
      options.max_inline_body > options.segment_bytes / 2)
    return permanent("journal: inline bodies must fit a segment twice");
  return {};
}

}  // namespace

struct Journal::Parts {
  Parts(Disk& disk, const Clock& clock, Random& random, JournalOptions options)
      : core(disk, clock, random, options), committer(core) {}

  Core core;
  Committer committer;
  std::unique_ptr<Maintenance> maintenance;
};

Journal::Journal(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Journal::~Journal() = default;

// read what is there -> a fresh segment says durably where the old log ends -> sweep
Result<Journal::Opened> Journal::open(Disk& disk, const Clock& clock, Random& random,
                                      JournalOptions options) {
  if (::sodium_init() < 0) return permanent("journal: libsodium does not start");
  if (auto good = check_options(options); !good) return pass(good);
  auto parts = std::make_unique<Parts>(disk, clock, random, options);
  Core& core = parts->core;
  Opened opened;
  Recovery recovery(disk, core.index, core.store, opened.report);
  Result<LogEnd> log = recovery.run(options.segment_bytes);
  if (!log) return pass(log, "open the queue");
  core.checkpoints_begun = log->newest_checkpoint;
  for (const auto& [sequence, segment] : core.store.all())
    segment->sealed_at = core.checkpoints_begun;
  if (auto done = parts->committer.start(log->end); !done) return pass(done, "open the queue");
  if (log->empty_segment)  // or each start would leave one behind
    (void)core.store.retire(*log->empty_segment, options.spare_segments);
  recovery.sweep_blobs();
  if (log->end.sequence != 0)
    opened.report.remarks.push_back("the log goes on after " + segment_name(log->end.sequence) +
                                    " byte " + std::to_string(log->end.offset));
  parts->maintenance = std::make_unique<Maintenance>(core, *log);
  core.status.checkpoint_number = log->newest_checkpoint;
  core.status.log_segment = core.active->sequence();
  core.status.log_offset = core.active->end;
  if (const Result<std::uint64_t> bytes = disk.free_bytes()) core.status.free_bytes = *bytes;
  core.status.spares = core.store.spares();
  core.status.segments = core.store.all().size();
  opened.live = core.index.states();
  opened.journal = std::unique_ptr<Journal>(new Journal(std::move(parts)));
  return opened;
}

Result<void> Journal::commit(std::span<const Record> batch) {
  Core& core = parts_->core;
  if (core.status.state == JournalState::failed)
    return transient("the journal has failed: " + core.status.failure);
  Result<void> done = parts_->committer.commit(batch);
  if (!done && done.error().failure == Failure::transient) {
    const std::lock_guard lock(core.mutex);
    core.status.state = JournalState::failed;
    core.status.failure = done.error().detail;
  }
  return done;
}

bool Journal::maintain() {
  if (parts_->core.status.state == JournalState::failed) return false;
  return parts_->maintenance->step(parts_->committer.log_bytes());
}

Result<StoredBody> Journal::read_body(MessageId id) const {
  const Core& core = parts_->core;
  StoredBody stored;
  BodyPlace place;
  std::shared_ptr<SegmentFile> pinned;
  {
    const std::lock_guard lock(core.mutex);
    const LiveMessage* message = core.index.find(id);
    if (message == nullptr) return permanent("message " + id.str() + " is not in the queue");
    stored.prefix = message->state.prefix.value_or({});
    place = message->body->place();
    if (message->body->segment() != nullptr) pinned = message->body->segment()->file;
  }
  if (const auto* blob = std::get_if<BlobPlace>(&place)) {
    Result<Fd> fd = core.disk.open_read_only(blob_name(blob->owner));
    if (!fd) return pass(fd);
    stored.blob = std::move(*fd);
    stored.blob_bytes = blob->size;
    return stored;
  }
  const auto& in_frame = std::get<InlinePlace>(place);
  if (!pinned)
    return permanent("message " + id.str() + ": its body was in " +
                     segment_name(in_frame.frame.sequence) + ", which is gone");
  Result<std::string> bytes = read_place(*pinned, in_frame);
  if (!bytes) return pass(bytes, "message " + id.str());
  stored.bytes = std::move(*bytes);
  return stored;
}

Result<BlobWriter> Journal::create_blob(MessageId id) {
  return BlobWriter::create(parts_->core.disk, id);
}

void Journal::discard_blob(MessageId id) {
  if (!is_live(id)) (void)parts_->core.disk.unlink(blob_name(id));
}

bool Journal::may_accept(std::uint64_t size_bytes) const {
  const Core& core = parts_->core;
  const std::lock_guard lock(core.mutex);
  if (core.status.state == JournalState::failed) return false;
  if (core.status.free_bytes >= core.options.low_water_bytes + size_bytes) return true;
  return size_bytes <= core.options.max_inline_body &&
         core.status.spares > (core.options.spare_segments + 1) / 2;
}

bool Journal::is_live(MessageId id) const {
  const std::lock_guard lock(parts_->core.mutex);
  return parts_->core.index.find(id) != nullptr;
}

MessageId Journal::newest_id() const {
  const std::lock_guard lock(parts_->core.mutex);
  return parts_->core.index.newest();
}

const std::string& Journal::queue_id() const { return parts_->core.store.queue_id(); }

JournalStatus Journal::status() const {
  const std::lock_guard lock(parts_->core.mutex);
  JournalStatus status = parts_->core.status;
  status.live_messages = parts_->core.index.size();
  return status;
}

}  // namespace toast::queue
