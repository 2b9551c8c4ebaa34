#include "mta/takeover/qmail_queue.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <set>

#include "base/codec.h"

namespace toast::takeover {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEnvelopeBytes = 256 * 1024 * 1024;  // a list of a million recipients
constexpr std::size_t kMaxBounceBytes = 64 * 1024 * 1024;
constexpr std::size_t kMaxControlBytes = 64 * 1024 * 1024;
constexpr std::size_t kHeadBytes = 4096;  // qmail-queue's Received field with its pid and time

std::optional<std::uint64_t> number_of(const std::string& name) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

// Empty when there is none.
Result<std::string> control_file(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  return read_file(path, kMaxControlBytes);
}

std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  while (text.ends_with(' ') || text.ends_with('\t')) text.pop_back();
  return text;
}

// What holds the queue by name, even where the queue is a link to another disk.
fs::path home_of(const std::string& directory) {
  const fs::path path = fs::absolute(directory).lexically_normal();
  return path.has_filename() ? path.parent_path() : path.parent_path().parent_path();
}

struct stat status_of(const Fd& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) status.st_size = -1;
  return status;
}

}  // namespace

Result<QmailQueue> QmailQueue::open(const std::string& directory) {
  for (const char* folder : {"mess", "info", "local", "remote", "todo", "intd", "bounce", "lock"}) {
    std::error_code error;
    if (!fs::is_directory(directory + "/" + folder, error))
      return permanent(directory + " is no qmail queue: there is no " + folder + "/ in it");
  }
  const std::string mutex = directory + "/lock/sendmutex";
  Result<Fd> lock = open_file(mutex, O_RDONLY);
  if (!lock && lock.error().detail.find("Permission") != std::string::npos) return pass(lock);
  if (!lock) return permanent(directory + " is no qmail queue: " + lock.error().detail);
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? transient("qmail-send is running: " + mutex + " is locked")
                                : system_error("lock", mutex);
  const fs::path control = home_of(directory) / "control";
  Result<std::string> texts[4] = {control_file(control / "virtualdomains"),
                                  control_file(control / "locals"), control_file(control / "me"),
                                  control_file(control / "envnoathost")};
  for (Result<std::string>& text : texts)
    if (!text) return pass(text);
  const std::string me = first_line(*texts[2]);
  QmailQueue queue(directory, std::move(*lock),
                   VirtualDomains(*texts[0], texts[1]->empty() ? me : *texts[1]));
  queue.default_host_ = first_line(*texts[3]);
  if (queue.default_host_.empty()) queue.default_host_ = me.empty() ? "localhost" : me;
  for (const auto& [folder, places] :
       std::initializer_list<std::pair<const char*, Places*>>{{"mess", &queue.mess_},
                                                              {"info", &queue.info_},
                                                              {"local", &queue.local_},
                                                              {"remote", &queue.remote_},
                                                              {"bounce", &queue.bounce_},
                                                              {"todo", &queue.todo_}}) {
    Result<Places> listed = queue.list(folder);
    if (!listed) return pass(listed);
    *places = std::move(*listed);
  }
  return queue;
}

// Flat or split, into any number of folders: patches split what qmail leaves flat.
Result<QmailQueue::Places> QmailQueue::list(const std::string& folder) const {
  Places places;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(directory_ + "/" + folder, error)) {
    const std::string name = entry.path().filename();
    const std::optional<std::uint64_t> number = number_of(name);
    if (!number) continue;
    if (!entry.is_directory(error)) {
      places[*number] = folder + "/" + name;
      continue;
    }
    for (const fs::directory_entry& below : fs::directory_iterator(entry.path(), error)) {
      const std::string own = below.path().filename();
      if (const std::optional<std::uint64_t> n = number_of(own))
        places[*n] = folder + "/" + name + "/" + own;
    }
    if (error) return system_error("list", entry.path().string(), error.value());
  }
  if (error) return system_error("list", directory_ + "/" + folder, error.value());
  return places;
}

std::vector<std::uint64_t> QmailQueue::numbers() const {
  std::set<std::uint64_t> all;
  for (const Places* places : {&mess_, &info_, &local_, &remote_, &bounce_, &todo_})
    for (const auto& [number, path] : *places) all.insert(number);
  return {all.begin(), all.end()};
}

Result<std::string> QmailQueue::content_of(const Places& places, std::uint64_t number) const {
  const auto found = places.find(number);
  if (found == places.end()) return std::string();
  return read_file(directory_ + "/" + found->second,
                   &places == &bounce_ ? kMaxBounceBytes : kMaxEnvelopeBytes);
}

// Not looked at by qmail-send: what else there is of it (info, local, remote) is void.
Result<void> QmailQueue::read_todo(QmailMessage& message) const {
  const std::string& path = todo_.at(message.number);
  Result<Fd> file = open_file(directory_ + "/" + path, O_RDONLY);
  if (!file) return pass(file);
  message.born = status_of(*file).st_mtim.tv_sec;
  Result<std::string> bytes = read_all(*file, kMaxEnvelopeBytes, path);
  if (!bytes) return pass(bytes);
  Result<QmailEnvelope> envelope = parse_qmail_todo(*bytes);
  if (!envelope) return pass(envelope, path);
  message.sender = std::move(envelope->sender);
  message.recipients = std::move(envelope->recipients);
  return {};
}

Result<void> QmailQueue::read_preprocessed(QmailMessage& message) const {
  const std::string& path = info_.at(message.number);
  Result<Fd> file = open_file(directory_ + "/" + path, O_RDONLY);
  if (!file) return pass(file);
  message.born = status_of(*file).st_mtim.tv_sec;
  Result<std::string> bytes = read_all(*file, kMaxEnvelopeBytes, path);
  if (!bytes) return pass(bytes);
  Result<std::string> sender = parse_qmail_info(*bytes);
  if (!sender) return pass(sender, path);
  message.sender = std::move(*sender);
  for (const Places* channel : {&local_, &remote_}) {
    Result<std::string> records = content_of(*channel, message.number);
    if (!records) return pass(records);
    Result<std::vector<std::string>> left = parse_qmail_recipients(*records);
    if (!left) return pass(left, channel->at(message.number));
    for (std::string& recipient : *left)
      message.recipients.push_back(channel == &local_ ? virtual_domains_.undo(recipient)
                                                      : std::move(recipient));
  }
  Result<std::string> bounce = content_of(bounce_, message.number);
  if (!bounce) return pass(bounce);
  Result<std::vector<QmailFailure>> failures = parse_qmail_bounce(*bounce);
  if (!failures) return pass(failures, "bounce/" + std::to_string(message.number));
  message.failures = std::move(*failures);
  return {};
}

Result<std::optional<QmailMessage>> QmailQueue::read(std::uint64_t number) const {
  const bool in_todo = todo_.contains(number);
  if (!in_todo && !info_.contains(number)) {
    if (mess_.contains(number) && !local_.contains(number) && !remote_.contains(number))
      return std::nullopt;  // qmail-queue did not finish: never acknowledged
    return permanent("there are recipients but no info/ and no todo/");
  }
  QmailMessage message;
  message.number = number;
  Result<void> read = in_todo ? read_todo(message) : read_preprocessed(message);
  if (!read) return pass(read);
  if (message.recipients.empty() && message.failures.empty()) return std::nullopt;
  const auto mess = mess_.find(number);
  if (mess == mess_.end()) return permanent("its content is missing: there is no mess/ file");
  Result<Fd> content = open_file(directory_ + "/" + mess->second, O_RDONLY);
  if (!content) return pass(content);
  message.content = std::move(*content);
  message.size_bytes = static_cast<std::uint64_t>(status_of(message.content).st_size);
  std::string head(kHeadBytes, '\0');
  const ssize_t got = ::pread(message.content.get(), head.data(), head.size(), 0);
  if (got < 0) return system_error("read", mess->second);
  head.resize(static_cast<std::size_t>(got));
  Encoder identity;
  identity.bytes("qmail");
  identity.u64(number);
  identity.i64(message.born);
  identity.u64(message.size_bytes);
  identity.bytes(head);
  message.identity = identity.take();
  return message;
}

}  // namespace toast::takeover
