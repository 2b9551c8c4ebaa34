#include "mta/queue/journal/overlay_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace toast::queue {
namespace {

constexpr std::uint64_t kCopyPage = 64 * 1024;  // what is copied up when a byte in it is written

Result<std::size_t> read_below(const Fd& fd, const std::string& name, std::uint64_t offset,
                               std::span<char> into) {
  std::size_t got = 0;
  while (got < into.size()) {
    const ssize_t n =
        ::pread(fd.get(), into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", name);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

}  // namespace

struct OverlayDisk::Content {
  std::string name;  // in errors
  Fd below;          // none: made here
  std::uint64_t below_size = 0;
  std::uint64_t size = 0;
  std::map<std::uint64_t, std::string> pages;  // written here, by page number

  Result<std::size_t> read(std::uint64_t offset, std::span<char> into);
  Result<void> write(std::uint64_t offset, std::string_view bytes);
  Result<std::string*> page(std::uint64_t number);
};

Result<std::size_t> OverlayDisk::Content::read(std::uint64_t offset, std::span<char> into) {
  if (offset >= size) return std::size_t{0};
  const std::span<char> wanted =
      into.first(static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size - offset)));
  std::ranges::fill(wanted, '\0');
  if (below && offset < below_size)
    if (Result<std::size_t> got = read_below(below, name, offset, wanted); !got) return got;
  for (auto at = pages.lower_bound(offset / kCopyPage);
       at != pages.end() && at->first * kCopyPage < offset + wanted.size(); ++at) {
    const std::uint64_t start = at->first * kCopyPage;
    const std::uint64_t from = std::max(start, offset);
    const std::uint64_t to = std::min(start + kCopyPage, offset + wanted.size());
    std::copy_n(at->second.begin() + static_cast<std::ptrdiff_t>(from - start), to - from,
                wanted.begin() + static_cast<std::ptrdiff_t>(from - offset));
  }
  return wanted.size();
}

Result<std::string*> OverlayDisk::Content::page(std::uint64_t number) {
  const auto found = pages.find(number);
  if (found != pages.end()) return &found->second;
  std::string bytes(kCopyPage, '\0');
  if (below)
    if (Result<std::size_t> got = read_below(below, name, number * kCopyPage, bytes); !got)
      return pass(got);
  return &pages.emplace(number, std::move(bytes)).first->second;
}

Result<void> OverlayDisk::Content::write(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    Result<std::string*> into = page(offset / kCopyPage);
    if (!into) return pass(into);
    const std::uint64_t at = offset % kCopyPage;
    const std::size_t count = std::min<std::size_t>(bytes.size(), kCopyPage - at);
    (*into)->replace(at, count, bytes.substr(0, count));
    bytes.remove_prefix(count);
    offset += count;
    size = std::max(size, offset);
  }
  return {};
}

class OverlayDisk::File final : public DiskFile {
 public:
  explicit File(std::shared_ptr<Content> content) : content_(std::move(content)) {}
  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (Result<void> done = content_->write(offset, bytes); !done) return pass(done);
    return bytes.size();
  }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    return content_->read(offset, into);
  }
  Result<void> sync_data() override { return {}; }
  void forget_cache() override {}
  Result<std::uint64_t> size() override { return content_->size; }

 private:
  std::shared_ptr<Content> content_;
};

Result<std::unique_ptr<OverlayDisk>> OverlayDisk::open_directory(const std::string& directory) {
  Result<Fd> fd = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (!fd) return permanent(fd.error().detail);
  Result<Fd> lock = open_file_at(*fd, "lock", O_RDONLY);
  if (!lock) return permanent(directory + " is no queue: " + lock.error().detail);
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return transient(directory + "/lock is held: a process has this queue");
    return system_error("lock", directory + "/lock");
  }
  std::unique_ptr<OverlayDisk> disk(new OverlayDisk(std::move(*fd), std::move(*lock)));
  std::error_code error;
  bool is_queue = false;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    is_queue = is_queue || name.starts_with("segment.") || name.starts_with("checkpoint.");
    disk->entries_[name] = Entry{name, nullptr};
  }
  if (error) return system_error("list", directory, error.value());
  if (!is_queue) return permanent(directory + " is no queue: there is no segment in it");
  return disk;
}

Result<std::shared_ptr<OverlayDisk::Content>> OverlayDisk::find(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return system_error("open", name, ENOENT);
  Entry& entry = found->second;
  if (entry.content) return entry.content;
  auto content = std::make_shared<Content>();
  content->name = entry.below;
  Result<Fd> fd = open_file_at(directory_, entry.below, O_RDONLY);
  if (!fd) return pass(fd);
  content->below = std::move(*fd);
  struct stat status {};
  if (::fstat(content->below.get(), &status) != 0) return system_error("stat", name);
  content->size = content->below_size = static_cast<std::uint64_t>(status.st_size);
  entry.content = content;
  return content;
}

Result<std::unique_ptr<DiskFile>> OverlayDisk::create(const std::string& name) {
  if (entries_.contains(name)) return system_error("create", name, EEXIST);
  auto content = std::make_shared<Content>();
  content->name = name;
  entries_[name] = Entry{{}, content};
  return std::make_unique<File>(std::move(content));
}

Result<std::unique_ptr<DiskFile>> OverlayDisk::open(const std::string& name) {
  Result<std::shared_ptr<Content>> content = find(name);
  if (!content) return pass(content);
  return std::make_unique<File>(std::move(*content));
}

Result<Fd> OverlayDisk::open_read_only(const std::string& name) {
  const auto found = entries_.find(name);
  if (found == entries_.end() || found->second.below.empty())
    return system_error("open", name, ENOENT);
  return open_file_at(directory_, found->second.below, O_RDONLY);
}

Result<void> OverlayDisk::rename(const std::string& from, const std::string& to) {
  const auto found = entries_.find(from);
  if (found == entries_.end()) return system_error("rename", from, ENOENT);
  Entry entry = std::move(found->second);
  entries_.erase(found);
  entries_[to] = std::move(entry);
  return {};
}

Result<void> OverlayDisk::unlink(const std::string& name) {
  if (entries_.erase(name) == 0) return system_error("unlink", name, ENOENT);
  return {};
}

Result<std::vector<std::string>> OverlayDisk::list() {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

}  // namespace toast::queue
