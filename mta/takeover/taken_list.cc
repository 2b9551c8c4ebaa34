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
  TakenList list;
  list.path_ = path;
  Result<Fd> file = open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, kMode);
  if (!file) return pass(file);
  list.file_ = std::move(*file);
  if (::flock(list.file_.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? transient(path + " is in use by another run")
                                : system_error("lock", path);
  Result<std::string> text = read_all(list.file_, kMaxListBytes, path);
  if (!text) return pass(text);
  list.take_in(*text);
  if (!text->empty() && text->back() != '\n')
    if (Result<void> ended = write_all(list.file_, "\n", path); !ended) return pass(ended);
  const std::string folder = std::filesystem::path(path).parent_path();
  if (Result<void> synced = sync_directory(folder.empty() ? "." : folder); !synced)
    return pass(synced);
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
  if (Result<void> written = write_all(file_, line, path_); !written) return written;
  if (::fdatasync(file_.get()) != 0) return system_error("sync", path_);
  ids_.insert(id);
  return {};
}

}  // namespace toast::takeover
