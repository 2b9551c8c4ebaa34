#include "mta/queue/journal/segment.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace toast::queue {
namespace {

constexpr std::string_view kSegmentPrefix = "segment.";
constexpr std::string_view kSparePrefix = "spare.";
constexpr std::uint64_t kZeroChunk = 256 * 1024;  // one write of zeros

std::string hex_name(std::string_view prefix, std::uint64_t number) {
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
  return std::string(prefix) + digits;
}

}  // namespace

std::string segment_name(std::uint64_t sequence) { return hex_name(kSegmentPrefix, sequence); }
std::string spare_name(std::uint64_t number) { return hex_name(kSparePrefix, number); }

std::optional<std::uint64_t> number_in_name(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number, 16);
  if (name.size() != 16 || parsed.ec != std::errc() || parsed.ptr != name.data() + name.size())
    return std::nullopt;
  return number;
}

SegmentStore::SegmentStore(Disk& disk, const Clock& clock, Random& random,
                           std::uint64_t segment_bytes)
    : disk_(disk), clock_(clock), random_(random), segment_bytes_(segment_bytes) {}

void SegmentStore::adopt_segment(std::shared_ptr<SegmentFile> file) {
  auto segment = std::make_unique<Segment>();
  segment->file = std::move(file);
  segment->sealed = true;
  const std::uint64_t sequence = segment->sequence();
  segments_[sequence] = std::move(segment);
}

void SegmentStore::adopt_spare(std::uint64_t number, std::unique_ptr<DiskFile> file) {
  spares_.push_back(Spare{number, std::move(file)});
}

void SegmentStore::adopt_identity(std::string queue_id, std::uint64_t greatest_sequence) {
  queue_id_ = std::move(queue_id);
  if (queue_id_.empty()) queue_id_ = random_.bytes(kIdBytes);
  next_sequence_ = greatest_sequence + 1;
}

Segment* SegmentStore::find(std::uint64_t sequence) {
  const auto found = segments_.find(sequence);
  return found == segments_.end() ? nullptr : found->second.get();
}

Result<SegmentHeader> SegmentStore::write_header(DiskFile& file, SegmentKind kind,
                                                 Position previous_end, std::uint64_t newest_id) {
  SegmentHeader header;
  header.kind = kind;
  header.sequence = next_sequence_;
  random_.fill(header.salt);
  header.queue_id = queue_id_;
  header.segment_bytes = segment_bytes_;
  header.previous_end = previous_end;
  header.made_at = unix_microseconds(clock_.wall());
  header.newest_id = newest_id;
  if (auto done = write_all(file, 0, encode_segment_header(header)); !done)
    return pass(done, "write the header of a segment");
  if (auto done = file.sync_data(); !done) return pass(done, "sync the header of a segment");
  return header;
}

Result<Segment*> SegmentStore::activate(SegmentKind kind, Position previous_end,
                                        std::uint64_t newest_id) {
  while (spares_.empty())
    if (auto grown = preallocate(segment_bytes_); !grown) return pass(grown);
  Spare spare = std::move(spares_.front());
  spares_.pop_front();
  const std::string old_name = spare_name(spare.number);
  Result<SegmentHeader> header = write_header(*spare.file, kind, previous_end, newest_id);
  if (!header) {
    discard(old_name);
    return pass(header);
  }
  const std::uint64_t sequence = next_sequence_++;
  if (auto done = disk_.rename(old_name, segment_name(sequence)); !done) return pass(done);
  if (auto done = disk_.sync_directory(); !done) return pass(done);
  auto segment = std::make_unique<Segment>();
  segment->file = std::make_shared<SegmentFile>(std::move(spare.file), std::move(*header));
  Segment* const active = segment.get();
  segments_[sequence] = std::move(segment);
  return active;
}

Result<void> SegmentStore::retire(std::uint64_t sequence, std::size_t keep) {
  const auto found = segments_.find(sequence);
  const std::string name = segment_name(sequence);
  if (found->second->suspect || spares_.size() >= keep) {
    if (auto done = disk_.unlink(name); !done) return done;
    segments_.erase(found);
    return {};
  }
  const std::uint64_t number = random_.u64();
  if (auto done = disk_.rename(name, spare_name(number)); !done) return done;
  std::unique_ptr<DiskFile> file = std::move(found->second->file->file);
  segments_.erase(found);
  if (auto done = disk_.sync_directory(); !done) return done;  // found again at the next open
  spares_.push_back(Spare{number, std::move(file)});
  return {};
}

Result<bool> SegmentStore::preallocate(std::uint64_t slice) {
  if (!growing_) {
    growing_number_ = random_.u64();
    grown_ = 0;
    Result<std::unique_ptr<DiskFile>> created = disk_.create(growing_name());
    if (!created) return pass(created);
    growing_ = std::move(*created);
  }
  const std::uint64_t until = std::min(segment_bytes_, grown_ + slice);
  const std::string zeros(std::min(kZeroChunk, segment_bytes_), '\0');
  Result<void> done;
  while (done && grown_ < until) {
    const std::uint64_t n = std::min<std::uint64_t>(zeros.size(), until - grown_);
    done = write_all(*growing_, grown_, std::string_view(zeros).substr(0, n));
    grown_ += n;
  }
  if (done) done = growing_->sync_data();
  if (done && grown_ < segment_bytes_) return false;
  if (done) done = disk_.rename(growing_name(), spare_name(growing_number_));
  std::unique_ptr<DiskFile> whole = std::move(growing_);
  if (!done) {
    discard(growing_name());
    return pass(done, "make a spare segment");
  }
  spares_.push_back(Spare{growing_number_, std::move(whole)});
  return true;
}

void SegmentStore::give_up_spare(std::size_t least) {
  if (spares_.size() <= least) return;
  discard(spare_name(spares_.back().number));
  spares_.pop_back();
}

std::string SegmentStore::growing_name() const { return spare_name(growing_number_) + ".tmp"; }

// Nothing depends on it: what stays is swept at the next open.
void SegmentStore::discard(const std::string& name) { (void)disk_.unlink(name); }

}  // namespace toast::queue
