#include "vdomain/maildir/maildirsize.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <vector>

#include "vdomain/maildir/directory_reader.h"
#include "vdomain/maildir/mail_store.h"
#include "vdomain/maildir/message_name.h"

namespace toast::maildir {
namespace {

constexpr const char* kLedgerName = "maildirsize";
constexpr int kCountAttempts = 3;  // while others move messages about
constexpr std::size_t kMaxFolders = 10'000;

std::optional<std::int64_t> take_number(std::string_view& text) {
  bool negative = false;
  if (text.starts_with('-')) {
    negative = true;
    text.remove_prefix(1);
  }
  std::int64_t value = 0;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++digits > 18) return std::nullopt;  // 10^18 - 1 still fits; no mailbox is that large
    value = value * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  return negative ? -value : value;
}

void skip_spaces(std::string_view& text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
}

std::optional<vdomain::Quota> parse_quota_line(std::string_view line) {
  vdomain::Quota quota;
  for (;;) {
    const std::size_t comma = line.find(',');
    std::string_view part = line.substr(0, comma);
    if (!part.empty()) {
      const std::optional<std::int64_t> number = take_number(part);
      if (!number || *number < 0) return std::nullopt;
      if (part == "S")
        quota.bytes = static_cast<std::uint64_t>(*number);
      else if (part == "C")
        quota.messages = static_cast<std::uint64_t>(*number);
      else
        return std::nullopt;
    }
    if (comma == std::string_view::npos) return quota;
    line.remove_prefix(comma + 1);
  }
}

std::optional<Usage> parse_change(std::string_view line) {
  skip_spaces(line);
  const std::optional<std::int64_t> bytes = take_number(line);
  if (!bytes || !(line.starts_with(' ') || line.starts_with('\t'))) return std::nullopt;
  skip_spaces(line);
  const std::optional<std::int64_t> messages = take_number(line);
  skip_spaces(line);
  if (!messages || !line.empty()) return std::nullopt;
  return Usage{*bytes, *messages};
}

std::uint64_t disk_size(const Fd& directory, const DirectoryEntry& entry, const ParsedName& name) {
  if (name.disk) return *name.disk;
  struct stat found {};
  const std::string path(entry.name);
  if (::fstatat(directory.get(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return S_ISREG(found.st_mode) ? static_cast<std::uint64_t>(found.st_size) : 0;
}

Result<void> count_directory(const Fd& directory, Usage& usage) {
  DirectoryReader reader(directory.get());
  DirectoryEntry entry;
  while (reader.next(entry)) {
    if (entry.type == EntryType::directory || entry.type == EntryType::other) continue;
    const std::optional<ParsedName> name = parse_message_name(entry.name);
    if (!name || name->has_flag('T')) continue;
    const std::uint64_t bytes = disk_size(directory, entry, *name);
    usage.bytes = saturated_add(usage.bytes, static_cast<std::int64_t>(bytes));
    usage.messages = saturated_add(usage.messages, 1);
  }
  if (reader.error() != 0) return system_error("read directory", "of a Maildir", reader.error());
  return {};
}

// FOLDER/new or FOLDER/cur; an empty Fd when there is none that can be trusted.
Result<Fd> open_part(const Fd& maildir, const std::string& folder, const char* part) {
  const std::string path = folder + part;
  const int fd = open_beneath(maildir.get(), path.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP) return Fd();
  if (fd < 0) return system_error("open", path, -fd);
  return Fd(fd);
}

constexpr std::array<const char*, 2> kParts{"new", "cur"};  // readers move from new to cur

Result<std::vector<std::string>> folders_of(const Fd& maildir) {
  const int copy = open_beneath(maildir.get(), ".", O_RDONLY | O_DIRECTORY);
  if (copy < 0) return system_error("open", "Maildir", -copy);
  const Fd own(copy);
  std::vector<std::string> folders{""};
  DirectoryReader reader(own.get());
  DirectoryEntry entry;
  while (reader.next(entry)) {
    if (!entry.name.starts_with('.') || entry.name == ".Trash") continue;
    if (entry.type != EntryType::directory && entry.type != EntryType::unknown) continue;
    if (folders.size() > kMaxFolders) return transient("a Maildir with too many folders to count");
    folders.push_back(std::string(entry.name) + "/");
  }
  if (reader.error() != 0) return system_error("read directory", "Maildir", reader.error());
  return folders;
}

using Stamps = std::vector<timespec>;

// When each directory last changed; any error shows as a change.
Stamps stamps_of(const Fd& maildir, const std::vector<std::string>& folders) {
  Stamps stamps;
  for (const std::string& folder : folders) {
    for (const char* part : kParts) {
      struct stat found {};
      const std::string path = folder + part;
      ::fstatat(maildir.get(), path.c_str(), &found, AT_SYMLINK_NOFOLLOW);
      stamps.push_back(found.st_mtim);
    }
  }
  return stamps;
}

Result<Usage> count_once(const Fd& maildir, const std::vector<std::string>& folders) {
  Usage usage;
  for (const std::string& folder : folders) {
    for (const char* part : kParts) {
      Result<Fd> directory = open_part(maildir, folder, part);
      if (!directory) return pass(directory);
      if (!*directory) continue;
      Result<void> counted = count_directory(*directory, usage);
      if (!counted) return pass(counted);
    }
  }
  return usage;
}

bool same_stamps(const Stamps& a, const Stamps& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].tv_sec != b[i].tv_sec || a[i].tv_nsec != b[i].tv_nsec) return false;
  return true;
}

}  // namespace

std::int64_t saturated_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<std::int64_t>::max()
               : std::numeric_limits<std::int64_t>::min();
}

bool fits(const vdomain::Quota& quota, const Usage& used, std::uint64_t bytes) {
  const auto limit = [](std::uint64_t n) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(n < kMost ? n : kMost);
  };
  if (quota.bytes != 0 && saturated_add(used.bytes, limit(bytes)) > limit(quota.bytes))
    return false;
  return quota.messages == 0 || saturated_add(used.messages, 1) <= limit(quota.messages);
}

std::string format_quota(const vdomain::Quota& quota) {
  std::string text;
  if (quota.bytes != 0) text = fmt::format("{}S", quota.bytes);
  if (quota.messages != 0) text += fmt::format("{}{}C", text.empty() ? "" : ",", quota.messages);
  return text;
}

std::optional<LedgerContent> parse_maildirsize(std::string_view text) {
  const std::size_t first = text.find('\n');
  if (first == std::string_view::npos || !text.ends_with('\n')) return std::nullopt;
  const std::optional<vdomain::Quota> quota = parse_quota_line(text.substr(0, first));
  if (!quota) return std::nullopt;
  LedgerContent content{*quota, {}, 0};
  text.remove_prefix(first + 1);
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::optional<Usage> change = parse_change(text.substr(0, end));
    if (!change ||
        __builtin_add_overflow(content.usage.bytes, change->bytes, &content.usage.bytes) ||
        __builtin_add_overflow(content.usage.messages, change->messages, &content.usage.messages))
      return std::nullopt;
    ++content.changes;
    text.remove_prefix(end + 1);
  }
  if (content.usage.bytes < 0 || content.usage.messages < 0) return std::nullopt;
  return content;
}

Result<Usage> count_messages(const Fd& maildir) {
  Result<std::vector<std::string>> folders = folders_of(maildir);
  if (!folders) return pass(folders);
  // When the directories changed meanwhile a message may have been counted twice or not at all.
  // After a few tries the count is used as it is: somebody busy is at work, and the ledger is
  // counted again before any message is refused.
  for (int attempt = 1;; ++attempt) {
    const Stamps before = stamps_of(maildir, *folders);
    Result<Usage> usage = count_once(maildir, *folders);
    if (!usage || attempt == kCountAttempts || same_stamps(before, stamps_of(maildir, *folders)))
      return usage;
  }
}

bool Ledger::is_young(const Fd& file) const {
  struct stat found {};
  const std::int64_t now = unix_seconds(clock_.wall());
  return ::fstat(file.get(), &found) == 0 &&
         now - found.st_mtim.tv_sec < std::chrono::seconds(kLedgerTrustedFor).count();
}

Result<Ledger::Reading> Ledger::read(const Fd& maildir, const vdomain::Quota& quota) {
  const int fd = open_beneath(maildir.get(), kLedgerName, O_RDONLY | O_NONBLOCK);
  if (fd >= 0) {
    const Fd file(fd);
    std::array<char, kMaxLedgerBytes> buffer{};
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (n >= 0 && static_cast<std::size_t>(n) < buffer.size()) {
      const auto content = parse_maildirsize({buffer.data(), static_cast<std::size_t>(n)});
      if (content && content->quota == quota)
        return Reading{content->usage, content->changes <= 1 && is_young(file)};
    }
  }
  Result<Usage> counted = recount(maildir, quota);
  if (!counted) return pass(counted);
  return Reading{*counted, true};
}

Result<Usage> Ledger::recount(const Fd& maildir, const vdomain::Quota& quota) {
  Result<Usage> counted = count_messages(maildir);
  if (!counted) return counted;
  Result<void> replaced = replace(maildir, quota, *counted);
  if (!replaced) return pass(replaced);
  return counted;
}

// Written in tmp/ under a name of our own and renamed over. Not synced: see the top of the header.
Result<void> Ledger::replace(const Fd& maildir, const vdomain::Quota& quota, const Usage& usage) {
  const std::string text =
      fmt::format("{}\n{} {}\n", format_quota(quota), usage.bytes, usage.messages);
  const int directory = open_beneath(maildir.get(), "tmp", O_RDONLY | O_DIRECTORY);
  // Being made at this moment, for its first message: that will make the ledger.
  if (directory == -ENOENT) return {};
  if (directory < 0) return system_error("open", "tmp of a Maildir", -directory);
  const Fd tmp(directory);
  const std::string name = fmt::format("maildirsize.{}.{}.{}", ::getpid(), ::syscall(SYS_gettid),
                                       unix_microseconds(clock_.wall()));
  const int fd = files_.create_file(tmp.get(), name.c_str());
  if (fd < 0) return system_error("create", name, -fd);
  const Fd file(fd);
  const int written = files_.append(fd, text.data(), text.size());
  if (written < 0 || ::renameat(tmp.get(), name.c_str(), maildir.get(), kLedgerName) != 0) {
    const int error = written < 0 ? -written : errno;
    files_.remove_file(tmp.get(), name.c_str());
    return system_error("replace", kLedgerName, error);
  }
  return {};
}

void Ledger::add(const Fd& maildir, Usage change) {
  const int fd = open_beneath(maildir.get(), kLedgerName, O_WRONLY | O_APPEND | O_NONBLOCK);
  if (fd < 0) return;
  const Fd file(fd);
  const std::string line = fmt::format("{} {}\n", change.bytes, change.messages);
  // A failed or short append leaves a ledger that does not parse or does not add up: counted anew.
  if (files_.append(fd, line.data(), line.size()) < 0)
    files_.remove_file(maildir.get(), kLedgerName);
}

}  // namespace toast::maildir
