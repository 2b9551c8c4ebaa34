#include "mta/queue/trace/ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <numeric>

#include "mta/queue/trace/event_file.h"

namespace toast::queue::trace {
namespace {

constexpr unsigned kFileMode = 0600;
constexpr unsigned kDirectoryMode = 0700;

Result<std::uint64_t> size_of(const Fd& fd, const std::string& name) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error("stat", name);
  return static_cast<std::uint64_t>(status.st_size);
}

// Every byte of it is read as an event: it may be gone on with.
bool is_whole(const std::string& path, std::uint64_t size_bytes) {
  Result<Fd> fd = open_file(path, O_RDONLY);
  if (!fd) return false;
  if (size_bytes == 0) return true;
  EventFile file(std::move(*fd));
  while (file.next()) {
  }
  return file.good_bytes() == size_bytes;
}

}  // namespace

std::string Ring::path(std::uint64_t number) const { return directory_ + "/" + file_name(number); }

Result<void> Ring::open() {
  if (::mkdir(directory_.c_str(), kDirectoryMode) != 0 && errno != EEXIST)
    return system_error("make", directory_);
  Result<std::vector<std::uint64_t>> numbers = list_files(directory_);
  if (!numbers) return pass(numbers);
  files_.clear();
  for (const std::uint64_t number : *numbers) {
    struct stat status {};
    if (::stat(path(number).c_str(), &status) != 0) return system_error("stat", path(number));
    files_.push_back({number, static_cast<std::uint64_t>(status.st_size)});
  }
  opened_ = true;
  if (files_.empty() || !is_whole(path(files_.back().number), files_.back().bytes)) return {};
  Result<Fd> newest = open_file(path(files_.back().number), O_WRONLY | O_APPEND);
  if (!newest) return pass(newest);
  current_ = std::move(*newest);
  return {};
}

Result<void> Ring::remove_oldest() {
  if (files_.size() == 1) current_.reset();
  const std::string oldest = path(files_.front().number);
  if (::unlink(oldest.c_str()) != 0 && errno != ENOENT) return system_error("remove", oldest);
  files_.erase(files_.begin());
  return {};
}

Result<void> Ring::begin_file() {
  current_.reset();
  const std::uint64_t number = files_.empty() ? 1 : files_.back().number + 1;
  Result<Fd> fd = open_file(path(number), O_WRONLY | O_APPEND | O_CREAT | O_EXCL, kFileMode);
  if (!fd) return pass(fd);
  current_ = std::move(*fd);
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
    Result<void> removed = remove_oldest();
    if (!removed) return removed;
  }
  return {};
}

Result<void> Ring::append(std::string_view bytes) {
  File& file = files_.back();
  Result<void> written = write_all(current_, bytes, path(file.number));
  if (written) {
    file.bytes += bytes.size();
    return {};
  }
  // What is left of the frames would end the reading of this file.
  if (::ftruncate(current_.get(), static_cast<off_t>(file.bytes)) != 0) {
    const Result<std::uint64_t> size = size_of(current_, path(file.number));
    if (size) file.bytes = *size;
    current_.reset();
  }
  return written;
}

Result<void> Ring::write(std::string_view frames, std::uint64_t capacity) {
  if (frames.empty() && capacity > 0) return {};
  if (!opened_ && capacity == 0 && ::access(directory_.c_str(), F_OK) != 0) return {};
  if (!opened_) {
    Result<void> opened = open();
    if (!opened) return opened;
  }
  if (capacity == 0) {
    while (!files_.empty()) {
      Result<void> removed = remove_oldest();
      if (!removed) return removed;
    }
    return {};
  }
  Result<void> room = make_room(frames.size(), capacity);
  if (!room) {  // somebody may have removed the directory: look again the next time
    opened_ = false;
    current_.reset();
    return room;
  }
  if (files_.back().bytes > 0) return append(frames);
  return append(file_header().append(frames));
}

}  // namespace toast::queue::trace
