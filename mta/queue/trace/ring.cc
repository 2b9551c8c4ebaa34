#include "mta/queue/trace/ring.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "mta/queue/trace/event_file.h"

namespace toast::queue::trace {
namespace {

// Every byte of it is read as an event: it may be gone on with.
bool is_whole(Disk& disk, std::uint64_t number, std::uint64_t size_bytes) {
  if (size_bytes == 0) return true;
  Result<Fd> fd = disk.open_read_only(file_name(number));
  if (!fd) return false;
  EventFile file(std::move(*fd));
  while (file.next()) {
  }
  return file.good_bytes() == size_bytes;
}

Result<std::uint64_t> size_of(Disk& disk, std::uint64_t number) {
  Result<std::unique_ptr<DiskFile>> file = disk.open(file_name(number));
  if (!file) return pass(file);
  return (*file)->size();
}

}  // namespace

OpenFolder real_folder(std::string directory) {
  return [directory = std::move(directory)](bool make) {
    return RealDisk::open_folder(directory, make);
  };
}

Result<void> Ring::open(bool make) {
  Result<std::unique_ptr<Disk>> disk = open_folder_(make);
  if (!disk) return pass(disk);
  if (!*disk) return {};
  Result<std::vector<std::string>> names = (*disk)->list();
  if (!names) return pass(names);
  files_.clear();
  for (const std::string& name : *names) {
    const std::optional<std::uint64_t> number = number_of(name);
    if (!number) continue;
    Result<std::uint64_t> size = size_of(**disk, *number);
    // One whose size is not known the second time either counts as a full one: it is removed before
    // its time, but it does not keep the store from being written.
    if (!size && !std::exchange(sizes_failed_, true)) return pass(size);
    files_.push_back({*number, size.value_or(kMaxFileBytes)});
  }
  sizes_failed_ = false;
  std::ranges::sort(files_, {}, &File::number);
  disk_ = std::move(*disk);
  if (files_.empty() || !is_whole(*disk_, files_.back().number, files_.back().bytes)) return {};
  Result<std::unique_ptr<DiskFile>> newest = disk_->open(file_name(files_.back().number));
  if (newest) current_ = std::move(*newest);
  return {};
}

void Ring::look_anew() {
  current_.reset();
  disk_.reset();
  last_append_failed_ = false;
}

Result<void> Ring::remove(std::vector<File>::iterator file) {
  const std::string name = file_name(file->number);
  if (Result<void> removed = disk_->unlink(name); !removed) {
    // Somebody else may have done that.
    const Result<std::vector<std::string>> names = disk_->list();
    if (!names || std::ranges::find(*names, name) != names->end()) return removed;
  }
  files_.erase(file);
  return {};
}

Result<void> Ring::begin_file() {
  current_.reset();
  last_append_failed_ = false;
  const std::uint64_t number = files_.empty() ? 1 : files_.back().number + 1;
  Result<std::unique_ptr<DiskFile>> file = disk_->create(file_name(number));
  if (!file) return pass(file);
  current_ = std::move(*file);
  files_.push_back({number, 0});
  return {};
}

Result<void> Ring::make_room(std::uint64_t bytes, std::uint64_t capacity) {
  const std::uint64_t most = std::min(kMaxFileBytes, capacity / kFilesInSmallStore);
  if (!current_ || (files_.back().bytes > 0 && files_.back().bytes + bytes > most)) {
    Result<void> begun = begin_file();
    if (!begun) return begun;
  }
  const auto total = [this, bytes] {
    return std::accumulate(files_.begin(), files_.end(), bytes,
                           [](std::uint64_t sum, const File& file) { return sum + file.bytes; });
  };
  while (files_.size() > 1 && total() > capacity) {
    Result<void> removed = remove(files_.begin());
    if (!removed) return removed;
  }
  return {};
}

// What a failed write left behind its beginning is written over by the next one; until then it ends
// the reading of the file.
Result<void> Ring::append(std::string_view bytes) {
  File& file = files_.back();
  Result<void> written = write_all(*current_, file.bytes, bytes);
  last_append_failed_ = !written;
  if (written) file.bytes += bytes.size();
  return written;
}

// It fails again and again. An empty one leaves nothing behind, so that a disk that stays full does
// not fill with names.
Result<void> Ring::give_up_current() {
  current_.reset();
  if (files_.back().bytes == 0)
    if (Result<void> removed = remove(std::prev(files_.end())); !removed) return removed;
  return begin_file();
}

Result<void> Ring::put(std::string_view frames, std::uint64_t capacity) {
  if (Result<void> room = make_room(frames.size(), capacity); !room) return room;
  const auto append_here = [this, frames] {
    if (files_.back().bytes > 0) return append(frames);
    return append(file_header().append(frames));
  };
  const bool failed_before = last_append_failed_;
  Result<void> written = append_here();
  if (written || !failed_before) return written;
  if (Result<void> begun = give_up_current(); !begun) return begun;
  return append_here();
}

Result<void> Ring::write(std::string_view frames, std::uint64_t capacity) {
  if (frames.empty() && capacity > 0) return {};
  if (!disk_)
    if (Result<void> opened = open(capacity > 0); !opened) return opened;
  if (!disk_) return {};
  Result<void> done;
  if (capacity > 0) {
    done = put(frames, capacity);
  } else {
    current_.reset();
    while (done && !files_.empty()) done = remove(files_.begin());
  }
  if (!done && !last_append_failed_) look_anew();
  return done;
}

}  // namespace toast::queue::trace
