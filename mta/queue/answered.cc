#include "mta/queue/answered.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "mta/message/ascii.h"

namespace toast::queue {
namespace {

constexpr std::size_t kMaxAnsweredFile = kMaxAnswered * 2 * 700;  // two addresses and two numbers
// The file is written anew when it has this many lines more than are of use.
constexpr std::size_t kAnsweredSlack = 10'000;

template <class Number>
bool take_field(std::string_view& text, Number& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop == text.data() + text.size() || *stop != '\t') return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return true;
}

std::string key_of(const Address& address) { return ascii::lower(address.str()); }

}  // namespace

std::string AnswerMemory::line(const Key& key, const Entry& entry) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\n", entry.until, entry.message, entry.recipient, key.first,
                     key.second);
}

// The last line of a sender counts. One that was torn, or is not ours, does not.
void AnswerMemory::read(std::string_view text, std::int64_t now) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return;
    std::string_view rest = text.substr(0, end);
    text.remove_prefix(end + 1);
    ++lines_;
    Entry entry;
    if (!take_field(rest, entry.until) || !take_field(rest, entry.message) ||
        !take_field(rest, entry.recipient))
      continue;
    const std::size_t tab = rest.find('\t');
    if (tab == std::string_view::npos) continue;
    Key key{std::string(rest.substr(0, tab)), std::string(rest.substr(tab + 1))};
    if (entry.until > now)
      entries_.insert_or_assign(std::move(key), entry);
    else
      entries_.erase(key);
  }
}

Result<std::shared_ptr<AnswerMemory>> AnswerMemory::load(Disk& disk, WallTime now) {
  auto memory = std::make_shared<AnswerMemory>();
  memory->disk_ = &disk;
  const std::string name(kAnsweredFile);
  Result<std::vector<std::string>> names = disk.list();
  if (!names) return pass(names);
  if (std::ranges::find(*names, name) == names->end()) return memory;
  Result<std::unique_ptr<DiskFile>> file = disk.open(name);
  if (!file) return pass(file);
  Result<std::uint64_t> size = (*file)->size();
  if (!size) return pass(size);
  if (*size > kMaxAnsweredFile) return permanent(name + " is too large to be ours: remove it");
  Result<std::string> text = read_exactly(**file, 0, *size);
  if (!text) return pass(text);
  memory->read(*text, unix_seconds(now));
  memory->forget_old(unix_seconds(now));
  if (Result<void> done = memory->write_anew(); !done) return pass(done);
  return memory;
}

std::size_t AnswerMemory::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void AnswerMemory::forget_old(std::int64_t now) {
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.until <= now; });
  if (entries_.size() < kMaxAnswered) return;
  std::vector<std::int64_t> ends;
  ends.reserve(entries_.size());
  for (const auto& [key, entry] : entries_) ends.push_back(entry.until);
  const auto middle = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 2);
  std::nth_element(ends.begin(), middle, ends.end());
  const std::int64_t first_kept = *middle;
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.until < first_kept; });
  // All of the same second: any half does.
  while (entries_.size() >= kMaxAnswered) entries_.erase(entries_.begin());
}

Result<void> AnswerMemory::write_anew() {
  if (disk_ == nullptr) return {};
  file_.reset();
  std::string text;
  for (const auto& [key, entry] : entries_) text += line(key, entry);
  const std::string name(kAnsweredFile);
  const std::string temporary = name + ".tmp";
  (void)disk_->unlink(temporary);  // of an attempt that failed
  Result<std::unique_ptr<DiskFile>> file = disk_->create(temporary);
  if (!file) return pass(file);
  if (Result<void> done = write_all(**file, 0, text); !done) return done;
  if (Result<void> done = (*file)->sync_data(); !done) return done;
  if (Result<void> done = disk_->rename(temporary, name); !done) return done;
  if (Result<void> done = disk_->sync_directory(); !done) return done;
  file_ = std::move(*file);
  end_ = text.size();
  lines_ = entries_.size();
  return {};
}

Result<void> AnswerMemory::append(const std::string& text) {
  if (disk_ == nullptr) return {};
  if (!file_ || lines_ > entries_.size() + kAnsweredSlack) return write_anew();
  Result<void> done = write_all(*file_, end_, text);
  if (done) done = file_->sync_data();
  if (!done) {
    file_.reset();  // nobody knows what is in it: written anew next time
    return done;
  }
  end_ += text.size();
  ++lines_;
  return {};
}

Result<bool> AnswerMemory::claim(const Question& question) {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = unix_seconds(question.now);
  Key key{key_of(question.mailbox), key_of(question.sender)};
  const Entry wanted{now + std::chrono::seconds(question.interval).count(),
                     question.message.value(), question.recipient};
  const auto found = entries_.find(key);
  if (found != entries_.end() && found->second.until > now)
    return found->second.message == wanted.message && found->second.recipient == wanted.recipient;
  if (entries_.size() >= kMaxAnswered) forget_old(now);
  const std::string text = line(key, wanted);
  const auto [at, fresh] = entries_.insert_or_assign(key, wanted);
  (void)fresh;
  Result<void> done = append(text);
  if (done) return true;
  entries_.erase(at);
  return pass(done);
}

}  // namespace toast::queue
