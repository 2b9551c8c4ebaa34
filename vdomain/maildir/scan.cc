#include "vdomain/maildir/scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <tuple>

#include "vdomain/maildir/directory_reader.h"
#include "vdomain/maildir/side_by_side.h"

namespace toast::maildir {
namespace {

constexpr int kScanAttempts = 3;
// Some two thousand names; below that a half is read sooner than a thread wakes up.
constexpr std::uint64_t kWorthHalving = 256 * 1024;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::uint64_t big_endian_prefix(std::string_view text) {
  std::array<char, 8> bytes{};
  if (text.size() >= bytes.size())
    std::memcpy(bytes.data(), text.data(), bytes.size());  // one load: the usual case
  else
    std::memcpy(bytes.data(), text.data(), text.size());
  return __builtin_bswap64(std::bit_cast<std::uint64_t>(bytes));
}

std::string_view after_digits(std::string_view base) {
  std::size_t end = 0;
  while (end < base.size() && is_digit(base[end])) ++end;
  return base.substr(end);
}

bool is_regular(const Fd& directory, std::string_view name) {
  struct stat status {};
  const std::string path(name);
  return ::fstatat(directory.get(), path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISREG(status.st_mode);
}

std::uint64_t size_of(const Fd& directory) {
  struct stat status {};
  return ::fstat(directory.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// What one thread found in a part of a directory, sorted by time of arrival.
struct Part {
  ScannedMaildir::Messages messages;
  std::string text;
};

// Least significant digit first: keeps the order of equal ones, and costs the same however the
// names lie in the directory (by hash: as random as can be).
void sort_by_seconds(ScannedMaildir::Messages& messages) {
  constexpr unsigned kDigitBits = 11;
  constexpr std::size_t kDigits = 1U << kDigitBits;
  std::uint64_t differ = 0;
  for (const ScannedMessage& m : messages) differ |= m.seconds ^ messages.front().seconds;
  ScannedMaildir::Messages sorted;
  for (unsigned shift = 0; shift < 64 && differ >> shift != 0; shift += kDigitBits) {
    if ((differ >> shift) % kDigits == 0) continue;
    std::array<std::uint32_t, kDigits> next{};
    for (const ScannedMessage& m : messages) ++next[(m.seconds >> shift) % kDigits];
    std::exclusive_scan(next.begin(), next.end(), next.begin(), std::uint32_t{0});
    sorted.resize(messages.size());
    for (const ScannedMessage& m : messages) sorted[next[(m.seconds >> shift) % kDigits]++] = m;
    messages.swap(sorted);
  }
}

// `text_bytes`: about how much there will be. `number`: of the part, counted through the scan.
Result<void> scan_part(const Fd& directory, DirectoryPart which, bool in_new,
                       std::uint64_t text_bytes, std::size_t number, Part& part) {
  constexpr std::uint64_t kMostAhead = 16U << 20U;  // directories do not shrink: size is no proof
  constexpr std::uint64_t kUsualName = 64;
  const std::uint64_t ahead = std::min(text_bytes, kMostAhead);
  part.text.reserve(ahead);
  part.messages.reserve(ahead / kUsualName);
  DirectoryReader reader(directory.get(), which);
  DirectoryEntry entry;
  while (reader.next(entry)) {
    if (entry.type == EntryType::directory || entry.type == EntryType::other) continue;
    const std::optional<ParsedName> name = parse_message_name(entry.name);
    if (!name) continue;
    if (entry.type == EntryType::unknown && !is_regular(directory, entry.name)) continue;
    if (part.messages.size() >= 2ULL * kMaxListed) break;  // of which the oldest are listed
    ScannedMessage& message = part.messages.emplace_back();
    message.text = static_cast<std::uint8_t>(number);
    message.text_offset = static_cast<std::uint32_t>(part.text.size());
    message.name_bytes = static_cast<std::uint8_t>(entry.name.size());
    message.base_bytes = static_cast<std::uint8_t>(name->base.size());
    message.bits = static_cast<std::uint8_t>(
        (in_new ? kListedInNew : 0) | (name->has_flag('S') ? kListedSeen : 0) |
        (is_valid_unique_id(name->base) ? 0 : kListedOwnUniqueId));
    message.seconds = name->seconds;
    message.next_bytes = big_endian_prefix(name->after_seconds);
    message.wire_bytes = name->wire.value_or(kUnknownSize);
    part.text.append(entry.name);
  }
  if (reader.error() != 0) return system_error("read directory", "of a Maildir", reader.error());
  sort_by_seconds(part.messages);
  return {};
}

// Adds one part to `parts`, or two.
Result<void> scan_directory(const Fd& directory, bool in_new, asio::thread_pool* helpers,
                            std::vector<Part>& parts) {
  if (!directory) return {};
  const std::uint64_t bytes = size_of(directory);
  Fd own_position;
  if (helpers != nullptr && bytes >= kWorthHalving)
    own_position = Fd(::openat(directory.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::size_t first = parts.size();
  if (!own_position || !has_halves(own_position.get())) {
    parts.resize(first + 1);
    return scan_part(directory, DirectoryPart::whole, in_new, bytes, first, parts[first]);
  }
  parts.resize(first + 2);
  Result<void> mine;
  Result<void> theirs;
  side_by_side(
      helpers,
      [&] {
        mine =
            scan_part(directory, DirectoryPart::first_half, in_new, bytes / 2, first, parts[first]);
      },
      [&] {
        theirs = scan_part(own_position, DirectoryPart::second_half, in_new, bytes / 2, first + 1,
                           parts[first + 1]);
      });
  return mine ? theirs : mine;
}

ScannedMaildir::Messages merge(std::vector<Part>& parts) {
  ScannedMaildir::Messages merged;
  for (Part& part : parts) {
    if (part.messages.empty()) continue;
    ScannedMaildir::Messages both;
    if (merged.empty()) {
      both = std::move(part.messages);
    } else {
      both.resize(merged.size() + part.messages.size());
      std::merge(
          merged.begin(), merged.end(), part.messages.begin(), part.messages.end(), both.begin(),
          [](const ScannedMessage& a, const ScannedMessage& b) { return a.seconds < b.seconds; });
    }
    merged.swap(both);
  }
  return merged;
}

// Those of one second by the rest of their names. The same message seen in new/ and, moved
// meanwhile, in cur/: cur/ is where it is now.
void order_seconds_and_drop_doubles(ScannedMaildir& found) {
  auto& messages = found.messages;
  const auto before = [&](const ScannedMessage& a, const ScannedMessage& b) {
    if (a.next_bytes != b.next_bytes) return a.next_bytes < b.next_bytes;
    const bool a_new = a.in_new();
    const bool b_new = b.in_new();
    return std::forward_as_tuple(found.base(a), a_new, found.name(a)) <
           std::forward_as_tuple(found.base(b), b_new, found.name(b));
  };
  for (auto first = messages.begin(); first != messages.end();) {
    auto last = first + 1;
    while (last != messages.end() && last->seconds == first->seconds) ++last;
    if (last - first > 1) std::sort(first, last, before);
    first = last;
  }
  const auto end = std::unique(messages.begin(), messages.end(),
                               [&](const ScannedMessage& a, const ScannedMessage& b) {
                                 return a.seconds == b.seconds && a.next_bytes == b.next_bytes &&
                                        found.base(a) == found.base(b);
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

Result<ScannedMaildir> scan_maildir(const Fd& new_mail, const Fd& cur, asio::thread_pool* helpers) {
  for (int attempt = 1;; ++attempt) {
    std::vector<Part> parts;
    Result<DirectoryStamp> new_stamp = stamp_of(new_mail);
    if (!new_stamp) return pass(new_stamp);
    Result<void> scanned = scan_directory(new_mail, true, helpers, parts);
    if (!scanned) return pass(scanned);
    Result<DirectoryStamp> cur_stamp = stamp_of(cur);
    if (!cur_stamp) return pass(cur_stamp);
    scanned = scan_directory(cur, false, helpers, parts);
    if (!scanned) return pass(scanned);
    const Result<DirectoryStamp> after = stamp_of(cur);
    if (attempt < kScanAttempts && after && *after != *cur_stamp) continue;
    ScannedMaildir found{merge(parts), {}, *new_stamp, *cur_stamp};
    for (Part& part : parts) found.texts.push_back(std::move(part.text));
    order_seconds_and_drop_doubles(found);
    return found;
  }
}

}  // namespace toast::maildir
