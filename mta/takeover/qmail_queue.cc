#include "mta/takeover/qmail_queue.h"

#include <sys/file.h>

#include <algorithm>
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
Result<std::string> control_file(Files& files, const std::string& path) {
  Result<std::optional<Fd>> file = files.open_if_there(path);
  if (!file) return pass(file);
  if (!*file) return std::string();
  return files.read(**file, kMaxControlBytes, path);
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

Result<void> check_folders(Files& files, const std::string& directory) {
  const auto missing = [&](const std::string& what) {
    return permanent(directory + " is no qmail queue: there is no " + what + "/ in it");
  };
  Result<std::vector<Files::Entry>> entries = files.list(directory);
  if (!entries && entries.error().failure == Failure::permanent) return missing("mess");
  if (!entries) return pass(entries);
  for (const char* folder : {"mess", "info", "local", "remote", "todo", "intd", "bounce", "lock"}) {
    const auto is_it = [folder](const Files::Entry& e) { return e.is_folder && e.name == folder; };
    if (std::ranges::none_of(*entries, is_it)) return missing(folder);
  }
  return {};
}

}  // namespace

Result<QmailQueue> QmailQueue::open(const std::string& directory, std::shared_ptr<Files> files) {
  if (Result<void> good = check_folders(*files, directory); !good) return pass(good);
  const std::string mutex = directory + "/lock/sendmutex";
  Result<std::optional<Fd>> there = files->open_if_there(mutex);
  if (!there) return pass(there);
  if (!*there) return permanent(directory + " is no qmail queue: there is no lock/sendmutex in it");
  Fd lock = std::move(**there);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? transient("qmail-send is running: " + mutex + " is locked")
                                : system_error("lock", mutex);
  const fs::path control = home_of(directory) / "control";
  const auto control_text = [&](const char* name) {
    return control_file(*files, (control / name).string());
  };
  Result<std::string> texts[4] = {control_text("virtualdomains"), control_text("locals"),
                                  control_text("me"), control_text("envnoathost")};
  for (Result<std::string>& text : texts)
    if (!text) return pass(text);
  const std::string me = first_line(*texts[2]);
  QmailQueue queue(directory, std::move(files), std::move(lock),
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
  Result<std::vector<Files::Entry>> entries = files_->list(directory_ + "/" + folder);
  if (!entries) return pass(entries);
  for (const Files::Entry& entry : *entries) {
    const std::optional<std::uint64_t> number = number_of(entry.name);
    if (!number) continue;
    const std::string place = folder + "/" + entry.name;
    if (!entry.is_folder) {
      places[*number] = place;
      continue;
    }
    Result<std::vector<Files::Entry>> below = files_->list(directory_ + "/" + place);
    if (!below) return pass(below);
    for (const Files::Entry& own : *below)
      if (const std::optional<std::uint64_t> n = number_of(own.name))
        places[*n] = place + "/" + own.name;
  }
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
  Result<Fd> file = files_->open(directory_ + "/" + found->second);
  if (!file) return pass(file);
  return files_->read(*file, &places == &bounce_ ? kMaxBounceBytes : kMaxEnvelopeBytes,
                      found->second);
}

Result<std::string> QmailQueue::read_dated(QmailMessage& message, const std::string& path) const {
  Result<Fd> file = files_->open(directory_ + "/" + path);
  if (!file) return pass(file);
  Result<Files::Status> status = files_->status(*file, path);
  if (!status) return pass(status);
  message.born = status->modified;
  return files_->read(*file, kMaxEnvelopeBytes, path);
}

// Not looked at by qmail-send: what else there is of it (info, local, remote) is void.
Result<void> QmailQueue::read_todo(QmailMessage& message) const {
  const std::string& path = todo_.at(message.number);
  Result<std::string> bytes = read_dated(message, path);
  if (!bytes) return pass(bytes);
  Result<QmailEnvelope> envelope = parse_qmail_todo(*bytes);
  if (!envelope) return pass(envelope, path);
  message.sender = std::move(envelope->sender);
  message.recipients = std::move(envelope->recipients);
  return {};
}

Result<void> QmailQueue::read_preprocessed(QmailMessage& message) const {
  const std::string& path = info_.at(message.number);
  Result<std::string> bytes = read_dated(message, path);
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
  Result<Fd> content = files_->open(directory_ + "/" + mess->second);
  if (!content) return pass(content);
  message.content = std::move(*content);
  Result<Files::Status> status = files_->status(message.content, mess->second);
  if (!status) return pass(status);
  message.size_bytes = status->size_bytes;
  Result<std::string> head = files_->read_front(message.content, kHeadBytes, mess->second);
  if (!head) return pass(head);
  Encoder identity;
  identity.bytes("qmail");
  identity.u64(number);
  identity.i64(message.born);
  identity.u64(message.size_bytes);
  identity.bytes(*head);
  message.identity = identity.take();
  return message;
}

}  // namespace toast::takeover
