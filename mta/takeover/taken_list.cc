#include "mta/takeover/taken_list.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace toast::takeover {
namespace {

constexpr std::size_t kMaxListBytes = std::size_t{1} << 30U;  // some ten million lines
constexpr unsigned kMode = 0600;

}  // namespace

// A torn last line names no id: it is too short, and then nothing was said about it.
void TakenList::take_in(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const Result<MessageId> id = MessageId::parse(line.substr(0, line.find(' ')));
    if (id) ids_.insert(*id);
  }
}

Result<TakenList> TakenList::open(const std::string& path) {
  Result<Fd> file = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, kMode);
  if (!file) return pass(file);
  if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? transient(path + " is in use by another run")
                                : system_error("lock", path);
  const std::string folder = std::filesystem::path(path).parent_path();
  if (Result<void> synced = sync_directory(folder.empty() ? "." : folder); !synced)
    return pass(synced);
  return load(queue::disk_file(std::move(*file), path), path);
}

Result<TakenList> TakenList::load(std::unique_ptr<queue::DiskFile> file, const std::string& path) {
  TakenList list;
  list.path_ = path;
  // What is read is to be what the disk has: a line that a failed sync left in memory is no line.
  file->forget_cache();
  Result<std::uint64_t> size = file->size();
  if (!size) return pass(size);
  if (*size > kMaxListBytes) return permanent(path + " is too large to be such a list");
  Result<std::string> text = queue::read_exactly(*file, 0, *size);
  if (!text) return pass(text);
  list.take_in(*text);
  list.end_ = *size;
  list.file_ = std::move(file);
  if (!text->empty() && text->back() != '\n')
    if (Result<void> ended = list.append("\n"); !ended) return pass(ended);
  return list;
}

Result<TakenList> TakenList::read(const std::string& path) {
  TakenList list;
  list.path_ = path;
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return list;
  Result<std::string> text = read_file(path, kMaxListBytes);
  if (!text) return pass(text);
  list.take_in(*text);
  return list;
}

Result<void> TakenList::add(MessageId id, std::string_view note) {
  std::string line = id.str() + " ";
  line += note;
  line += '\n';
  if (Result<void> written = append(line); !written) return written;
  if (Result<void> synced = file_->sync_data(); !synced) return synced;
  ids_.insert(id);
  return {};
}

Result<void> TakenList::append(std::string_view text) {
  if (Result<void> written = queue::write_all(*file_, end_, text); !written) return written;
  end_ += text.size();
  return {};
}

}  // namespace toast::takeover
