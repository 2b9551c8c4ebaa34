#include "vdomain/maildir/scan.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include "vdomain/maildir/directory_reader.h"
#include "vdomain/maildir/message_name.h"

namespace toast::maildir {
namespace {

constexpr int kScanAttempts = 3;

std::uint64_t big_endian_prefix(std::string_view text) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i)
    value = value << 8U | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
  return value;
}

std::string_view after_digits(std::string_view base) {
  const std::size_t end = base.find_first_not_of("0123456789");
  return end == std::string_view::npos ? std::string_view() : base.substr(end);
}

bool is_regular(const Fd& directory, std::string_view name) {
  struct stat status {};
  const std::string path(name);
  return ::fstatat(directory.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode);
}

Result<void> scan_directory(const Fd& directory, bool in_new, ScannedMaildir& found) {
  if (!directory) return {};
  DirectoryReader reader(directory.get());
  DirectoryEntry entry;
  while (reader.next(entry)) {
    if (entry.type == EntryType::directory || entry.type == EntryType::other) continue;
    const std::optional<ParsedName> name = parse_message_name(entry.name);
    if (!name) continue;
    if (entry.type == EntryType::unknown && !is_regular(directory, entry.name)) continue;
    if (found.messages.size() >= 2ULL * kMaxListed) break;  // of which the oldest are listed
    ScannedMessage message;
    message.text_offset = static_cast<std::uint32_t>(found.text.size());
    message.name_bytes = static_cast<std::uint16_t>(entry.name.size());
    message.base_bytes = static_cast<std::uint16_t>(name->base.size());
    message.in_new = in_new;
    message.seen = name->has_flag('S');
    message.seconds = name->seconds;
    message.next_bytes = big_endian_prefix(after_digits(name->base));
    message.wire_bytes = name->wire.value_or(kUnknownSize);
    found.text.append(entry.name);
    found.messages.push_back(message);
  }
  if (reader.error() != 0) return system_error("read directory", "of a Maildir", reader.error());
  return {};
}

// The same message seen in new/ and, moved meanwhile, in cur/: cur/ is where it is now.
void sort_and_drop_doubles(ScannedMaildir& found) {
  auto& messages = found.messages;
  std::sort(messages.begin(), messages.end(),
            [&](const ScannedMessage& a, const ScannedMessage& b) {
              if (a.seconds != b.seconds) return a.seconds < b.seconds;
              if (a.next_bytes != b.next_bytes) return a.next_bytes < b.next_bytes;
              return std::forward_as_tuple(found.base(a), a.in_new, found.name(a)) <
                     std::forward_as_tuple(found.base(b), b.in_new, found.name(b));
            });
  const auto end = std::unique(messages.begin(), messages.end(),
                               [&](const ScannedMessage& a, const ScannedMessage& b) {
                                 return found.base(a) == found.base(b);
                               });
  messages.erase(end, messages.end());
}

}  // namespace

bool comes_before(std::uint64_t seconds_a, std::string_view base_a, std::uint64_t seconds_b,
                  std::string_view base_b) {
  if (seconds_a != seconds_b) return seconds_a < seconds_b;
  const std::uint64_t next_a = big_endian_prefix(after_digits(base_a));
  const std::uint64_t next_b = big_endian_prefix(after_digits(base_b));
  return next_a != next_b ? next_a < next_b : base_a < base_b;
}

Result<DirectoryStamp> stamp_of(const Fd& directory) {
  DirectoryStamp stamp;
  if (!directory) return stamp;
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return system_error("stat", "Maildir");
  stamp.device = status.st_dev;
  stamp.inode = status.st_ino;
  stamp.modified_seconds = status.st_mtim.tv_sec;
  stamp.modified_nanoseconds = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  stamp.changed_seconds = status.st_ctim.tv_sec;
  stamp.changed_nanoseconds = static_cast<std::uint32_t>(status.st_ctim.tv_nsec);
  return stamp;
}

Result<ScannedMaildir> scan_maildir(const Fd& new_mail, const Fd& cur) {
  for (int attempt = 1;; ++attempt) {
    ScannedMaildir found;
    Result<DirectoryStamp> new_stamp = stamp_of(new_mail);
    if (!new_stamp) return pass(new_stamp);
    Result<void> scanned = scan_directory(new_mail, true, found);
    if (!scanned) return pass(scanned);
    Result<DirectoryStamp> cur_stamp = stamp_of(cur);
    if (!cur_stamp) return pass(cur_stamp);
    scanned = scan_directory(cur, false, found);
    if (!scanned) return pass(scanned);
    const Result<DirectoryStamp> after = stamp_of(cur);
    if (attempt < kScanAttempts && after && *after != *cur_stamp) continue;
    found.new_mail = *new_stamp;
    found.cur = *cur_stamp;
    sort_and_drop_doubles(found);
    return found;
  }
}

}  // namespace toast::maildir
