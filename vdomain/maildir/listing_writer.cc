#include "vdomain/maildir/listing_writer.h"

#include <unistd.h>

#include <cerrno>

#include "vdomain/maildir/message_name.h"
#include "vdomain/maildir/side_by_side.h"

namespace toast::maildir {
namespace {

constexpr std::size_t kPieceBytes = 64 * 1024;  // each; stays in the L2 cache
constexpr std::size_t kPieceEntries = kPieceBytes / kListingEntryBytes;
// Below that a half is written sooner than a thread wakes up.
constexpr std::size_t kWorthTwoThreads = 4096;
constexpr std::size_t kAhead = 16;  // of will_need_name(): some cache misses under way at a time

Result<void> write_at(const Fd& file, std::uint64_t offset, const void* from, std::size_t size) {
  const auto* at = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t n = ::pwrite(file.get(), at, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", "listing");
    at += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

// Where in a scan, and in the listing of it.
struct Place {
  std::size_t message = 0;
  std::uint32_t entry = 0;
  std::uint64_t text = 0;
};

bool is_listed(const ScannedMessage& m) { return m.wire_bytes != kUnknownSize; }  // else it is gone

std::size_t text_length(const ScannedMaildir& found, const ScannedMessage& m) {
  const bool own = (m.bits & kListedOwnUniqueId) != 0;
  return m.name_bytes + (own ? unique_id(found.base(m)).size() : 0);
}

// The end of what can be listed, and a place in the middle of it.
struct Extent {
  Place middle;
  Place end;
};
Extent measure(const ScannedMaildir& found) {
  Extent extent;
  Place& at = extent.end;
  for (; at.message < found.messages.size(); ++at.message) {
    if (at.message == found.messages.size() / 2) extent.middle = at;
    const ScannedMessage& m = found.messages[at.message];
    if (!is_listed(m)) continue;
    const std::size_t text = text_length(found, m);
    if (at.entry == kMaxListed || at.text + text > kMaxListedText) break;
    ++at.entry;
    at.text += text;
  }
  return extent;
}

Result<std::uint64_t> write_range(const Fd& file, const ScannedMaildir& found, std::uint32_t count,
                                  const Place& from, const Place& to) {
  ListingWriter writer(file, count, from.entry, from.text);
  for (std::size_t i = from.message; i < to.message; ++i) {
    found.will_need_name(i + kAhead);
    const ScannedMessage& m = found.messages[i];
    if (is_listed(m)) writer.add(found.name(m), found.base(m), m.wire_bytes, m.bits);
  }
  Result<void> written = writer.finish();
  if (!written) return pass(written);
  return writer.octets();
}

}  // namespace

ListingWriter::ListingWriter(const Fd& file, std::uint32_t count, std::uint32_t first,
                             std::uint64_t text_at)
    : file_(file),
      texts_at_(kListingHeaderBytes + std::uint64_t{count} * kListingEntryBytes),
      entries_at_(kListingHeaderBytes + std::uint64_t{first} * kListingEntryBytes),
      text_at_(text_at) {}

void ListingWriter::add(std::string_view name, std::string_view base, std::uint64_t wire_bytes,
                        std::uint8_t bits) {
  const bool own = (bits & kListedOwnUniqueId) != 0;
  const std::string own_id = own ? unique_id(base) : std::string();
  if (entries_.size() == kPieceEntries || text_.size() + kNameMax + kMaxUniqueId > kPieceBytes)
    flush();
  if (entries_.capacity() == 0) {
    entries_.reserve(kPieceEntries);
    text_.reserve(kPieceBytes);
  }
  ListingEntry& entry = entries_.emplace_back();
  entry.wire_bytes = wire_bytes;
  entry.text_offset = static_cast<std::uint32_t>(text_end());
  entry.name_bytes = static_cast<std::uint16_t>(name.size());
  entry.unique_id_bytes = static_cast<std::uint8_t>(own ? own_id.size() : base.size());
  entry.bits = bits;
  text_.append(name).append(own_id);
  octets_ += wire_bytes;
}

void ListingWriter::flush() {
  const std::size_t entry_bytes = entries_.size() * kListingEntryBytes;
  if (written_) written_ = write_at(file_, entries_at_, entries_.data(), entry_bytes);
  if (written_) written_ = write_at(file_, texts_at_ + text_at_, text_.data(), text_.size());
  entries_at_ += entry_bytes;
  text_at_ += text_.size();
  entries_.clear();
  text_.clear();
}

Result<void> ListingWriter::finish() {
  flush();
  return std::move(written_);
}

Result<void> write_header(const Fd& file, const ListingHeader& header) {
  return write_at(file, 0, &header, sizeof(header));
}

Result<ListingHeader> write_messages(const Fd& file, const ScannedMaildir& found,
                                     asio::thread_pool* helpers) {
  Extent extent = measure(found);
  const bool halves = helpers != nullptr && extent.end.message >= kWorthTwoThreads;
  if (!halves) extent.middle = extent.end;
  const std::uint32_t count = extent.end.entry;
  Result<std::uint64_t> mine = 0;
  Result<std::uint64_t> theirs = 0;
  side_by_side(
      halves ? helpers : nullptr,
      [&] { mine = write_range(file, found, count, Place(), extent.middle); },
      [&] { theirs = write_range(file, found, count, extent.middle, extent.end); });
  if (!mine) return pass(mine);
  if (!theirs) return pass(theirs);
  ListingHeader header;
  header.count = count;
  header.octets = *mine + *theirs;
  header.text_bytes = extent.end.text;
  header.new_mail = found.new_mail;
  header.cur = found.cur;
  return header;
}

}  // namespace toast::maildir
