#include "vdomain/maildir/maildrop.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "vdomain/maildir/directory_reader.h"
#include "vdomain/maildir/listing_writer.h"
#include "vdomain/maildir/message_name.h"

namespace toast::maildir {
namespace {

constexpr const char* kListingName = "toast-listing";

// File systems whose time stamps are made on this host. On NFS and its like another host's change
// may not show for a while: there every visit scans.
bool stamps_are_local(const Fd& directory) {
  struct statfs status {};
  if (::fstatfs(directory.get(), &status) != 0) return false;
  constexpr std::array<unsigned long, 8> kLocal{
      0xef53 /* ext4 */,        0x58465342 /* xfs */,
      0x9123683e /* btrfs */,   0x01021994 /* tmpfs */,
      0xf2f52010 /* f2fs */,    0x2fc12fc1 /* zfs */,
      0x794c7630 /* overlay */, 0xca451a4e /* bcachefs */};
  const auto type = static_cast<unsigned long>(status.f_type) & 0xffffffffUL;
  return std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
}

bool was_quiet(const DirectoryStamp& stamp, std::int64_t scanned_seconds) {
  const std::int64_t last = std::max(stamp.modified_seconds, stamp.changed_seconds);
  return last + kQuietBeforeScan.count() < scanned_seconds;
}

// What goes out on the wire for one file: all of it is read, once.
Result<std::uint64_t> count_wire_bytes(const Fd& directory, const std::string& name) {
  const int fd = open_beneath(directory.get(), name.c_str(), O_RDONLY | O_NONBLOCK);
  if (fd < 0) return system_error("open", name, -fd);
  const Fd file(fd);
  SizeCounter counter;
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", name);
    if (n == 0) return counter.size().wire;
    counter.add({buffer.data(), static_cast<std::size_t>(n)});
  }
}

// Sizes from an earlier listing, asked for in the order of listings.
class RememberedSizes {
 public:
  explicit RememberedSizes(const Fd& maildir) {
    const int fd = open_beneath(maildir.get(), kListingName, O_RDONLY | O_NONBLOCK);
    if (fd < 0) return;
    Result<Listing> listing = Listing::open(Fd(fd));
    if (!listing) return;
    const Result<std::array<unsigned char, 16>> sum =
        checksum_of(listing->file(), listing->header());
    if (!sum || *sum != listing->header().checksum) return;  // torn by a power cut
    listing_.emplace(std::move(*listing));
  }

  std::optional<std::uint64_t> find(std::uint64_t seconds, std::string_view base) {
    while (has_page()) {
      const std::optional<ParsedName> name = parse_message_name(page_.name(at_));
      if (!name) return std::nullopt;
      if (name->base == base) return page_.wire_bytes(at_);
      if (!comes_before(name->seconds, name->base, seconds, base)) return std::nullopt;
      ++at_;
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t kPage = 4096;

  bool has_page() {
    if (!listing_) return false;
    if (at_ < page_.size()) return true;
    next_ += static_cast<std::uint32_t>(page_.size());
    Result<ListingPage> page = listing_->page(next_, kPage);
    if (!page || page->size() == 0) {
      listing_.reset();
      return false;
    }
    page_ = std::move(*page);
    at_ = 0;
    return true;
  }
  std::optional<Listing> listing_;
  ListingPage page_;
  std::uint32_t next_ = 0;
  std::size_t at_ = 0;
};

}  // namespace

MaildropReader::MaildropReader(MailStore& store, QuotaGate& quota, const Clock& clock,
                               BootId boot_id, asio::thread_pool* helpers)
    : store_(store),
      files_(store.files()),
      quota_(quota),
      clock_(clock),
      boot_id_(boot_id),
      helpers_(helpers) {}

Result<MaildropReader::Parts> MaildropReader::open_parts(const MaildirPath& path) {
  Parts parts;
  Result<Fd> top = store_.open_directory(path, "");
  if (!top) return pass(top);
  parts.top = std::move(*top);
  if (!parts.top) return parts;
  for (auto [name, part] : {std::pair{"new", &parts.new_mail}, std::pair{"cur", &parts.cur}}) {
    const int fd = open_beneath(parts.top.get(), name, O_RDONLY | O_DIRECTORY);
    if (fd < 0 && fd != -ENOENT) return system_error("open", path.str() + "/" + name, -fd);
    if (fd >= 0) *part = Fd(fd);
  }
  return parts;
}

// ---- open

Result<MaildropReader::Opened> MaildropReader::open(const MaildirPath& path) {
  Result<Parts> parts = open_parts(path);
  if (!parts) return pass(parts);
  bool usable = false;
  if (parts->top) {
    Result<Opened> kept = reuse(*parts, usable);
    if (usable) return kept;
  }
  return scan(*parts);
}

// The listing left in the Maildir, if it is ours, of this boot, and nothing has changed since.
Result<MaildropReader::Opened> MaildropReader::reuse(const Parts& parts, bool& usable) {
  const int fd = open_beneath(parts.top.get(), kListingName, O_RDONLY | O_NONBLOCK);
  if (fd < 0) return Opened{};
  Fd file(fd);
  Result<Fd> handed_out = duplicate(file);
  Result<Listing> listing = Listing::open(std::move(file));
  const Result<DirectoryStamp> new_mail = stamp_of(parts.new_mail);
  const Result<DirectoryStamp> cur = stamp_of(parts.cur);
  if (!handed_out || !listing || !new_mail || !cur) return Opened{};
  const ListingHeader& header = listing->header();
  usable = header.boot_id == boot_id_ && header.new_mail == *new_mail && header.cur == *cur &&
           was_quiet(header.new_mail, header.scanned_seconds) &&
           was_quiet(header.cur, header.scanned_seconds) && stamps_are_local(parts.top);
  if (!usable) return Opened{};
  return Opened{std::move(*handed_out), header.count, header.octets, std::nullopt};
}

Result<MaildropReader::Opened> MaildropReader::scan(const Parts& parts) {
  const std::int64_t now = unix_seconds(clock_.wall());
  Result<ScannedMaildir> found = scan_maildir(parts.new_mail, parts.cur, helpers_);
  if (!found) return pass(found);
  bool counted = false;
  Result<void> sized = find_sizes(parts, *found, counted);
  if (!sized) return pass(sized);
  Result<Fd> file = unnamed_file();
  if (!file) return pass(file);
  Result<ListingHeader> header = write_messages(*file, *found, helpers_);
  if (!header) return pass(header);
  header->scanned_seconds = now;
  header->boot_id = boot_id_;
  Result<void> whole = write_header(*file, *header);
  if (!whole) return pass(whole);
  // Not for the fallback of unnamed_file(), which cannot be sealed: see there.
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (::fcntl(file->get(), F_ADD_SEALS, kSeals) != 0 && errno != EINVAL)
    return system_error("seal", "listing");
  const bool reusable = header->count >= kWorthKeeping && was_quiet(found->new_mail, now) &&
                        was_quiet(found->cur, now) && stamps_are_local(parts.top);
  std::optional<Unkept> unkept;
  if (counted || reusable) {
    Result<Fd> maildir = duplicate(parts.top);
    Result<Fd> listing = duplicate(*file);
    if (maildir && listing) unkept = Unkept{std::move(*maildir), std::move(*listing), *header};
  }
  return Opened{std::move(*file), header->count, header->octets, std::move(unkept)};
}

// In memory, to be sealed. Where memory files are not to be had, a file without a name below mail/:
// its one reader could then spoil its own copy, and nobody else's.
Result<Fd> MaildropReader::unnamed_file() {
  Fd file(::memfd_create("listing", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) file = Fd(::openat(store_.root(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return system_error("make a file for", "a listing");
  return file;
}

// Sizes that names do not tell: remembered from an earlier listing, else counted.
Result<void> MaildropReader::find_sizes(const Parts& parts, ScannedMaildir& found, bool& counted) {
  const auto is_unknown = [](const ScannedMessage& m) { return m.wire_bytes == kUnknownSize; };
  if (std::none_of(found.messages.begin(), found.messages.end(), is_unknown)) return {};
  RememberedSizes remembered(parts.top);
  for (ScannedMessage& m : found.messages) {
    if (!is_unknown(m)) continue;
    if (const auto size = remembered.find(m.seconds, found.base(m))) {
      m.wire_bytes = *size;
      continue;
    }
    counted = true;
    const std::string name(found.name(m));
    Result<std::uint64_t> size = count_wire_bytes(m.in_new() ? parts.new_mail : parts.cur, name);
    if (!size) {
      const std::optional<Place> moved = locate(parts, name);
      if (!moved) continue;  // stays unknown, is left out
      size = count_wire_bytes(moved->in_new ? parts.new_mail : parts.cur, moved->name);
      if (!size) return pass(size);
    }
    m.wire_bytes = *size;
  }
  return {};
}

// Not synced: after a power cut the boot id differs and the checksum tells.
void MaildropReader::keep(Unkept unkept) {
  const Fd tmp(open_beneath(unkept.maildir.get(), "tmp", O_RDONLY | O_DIRECTORY));
  if (!tmp) return;
  sweep_tmp(files_, tmp, clock_.wall());
  const std::string name = fmt::format("{}.{}.{}.{}", kListingName, ::getpid(),
                                       ::syscall(SYS_gettid), unix_microseconds(clock_.wall()));
  const Fd file(files_.create_file(tmp.get(), name.c_str()));
  if (!file) return;
  if (copy_listing(unkept, file) < 0 ||
      ::renameat(tmp.get(), name.c_str(), unkept.maildir.get(), kListingName) != 0)
    files_.remove_file(tmp.get(), name.c_str());
}

// 0, or minus the errno.
int MaildropReader::copy_listing(const Unkept& from, const Fd& to) {
  const Result<std::array<unsigned char, 16>> sum = checksum_of(from.listing, from.header);
  if (!sum) return -EIO;
  ListingHeader header = from.header;
  header.checksum = *sum;
  std::array<char, 64 * 1024> piece;
  iovec vector{&header, sizeof(header)};
  for (off_t at = kListingHeaderBytes;;) {
    if (const int written = files_.write_all(to.get(), {&vector, 1}); written < 0) return written;
    const ssize_t n = ::pread(from.listing.get(), piece.data(), piece.size(), at);
    if (n <= 0) return n == 0 ? 0 : -errno;
    vector = {piece.data(), static_cast<std::size_t>(n)};
    at += n;
  }
}

// ---- fetch

// Where the message is now: the same base name, whatever its flags, in either directory.
std::optional<MaildropReader::Place> MaildropReader::locate(const Parts& parts,
                                                            const std::string& name) {
  const std::optional<ParsedName> wanted = parse_message_name(name);
  if (!wanted) return std::nullopt;
  for (const bool in_new : {false, true}) {
    const Fd& directory = in_new ? parts.new_mail : parts.cur;
    if (!directory) continue;
    DirectoryReader reader(directory.get());
    DirectoryEntry entry;
    while (reader.next(entry)) {
      if (!entry.name.starts_with(wanted->base)) continue;
      const std::optional<ParsedName> found = parse_message_name(entry.name);
      if (found && found->base == wanted->base) return Place{in_new, std::string(entry.name)};
    }
  }
  return std::nullopt;
}

Result<MaildropReader::Message> MaildropReader::fetch(const MaildirPath& path,
                                                      const std::string& name) {
  const std::optional<ParsedName> parsed = parse_message_name(name);
  if (!parsed) return permanent("not the name of a message");
  const auto open_in = [&](bool in_new, const std::string& file) {
    const std::string full = path.str() + (in_new ? "/new/" : "/cur/") + file;
    return open_beneath(store_.root(), full.c_str(), O_RDONLY | O_NONBLOCK);
  };
  const bool likely_new = parsed->base.size() == name.size();  // no flags: nobody has moved it
  int fd = open_in(likely_new, name);
  if (fd == -ENOENT) fd = open_in(!likely_new, name);
  if (fd == -ENOENT) {
    Result<Parts> parts = open_parts(path);
    if (!parts) return pass(parts);
    if (const std::optional<Place> place = locate(*parts, name))
      fd = open_in(place->in_new, place->name);
  }
  if (fd == -ENOENT) return transient(path.str() + ": " + name + " is gone", "4.2.0 gone");
  if (fd < 0) return system_error("open", path.str() + "/" + name, -fd);
  Message message{Fd(fd), 0};
  struct stat status {};
  if (::fstat(fd, &status) != 0) return system_error("stat", name);
  if (!S_ISREG(status.st_mode)) return permanent(name + " is not a regular file");
  message.bytes = static_cast<std::uint64_t>(status.st_size);
  return message;
}

// ---- remove

// 0, or the errno. Gone is 0: what the client wants has happened.
int MaildropReader::remove_one(const Parts& parts, const std::string& name, Usage& removed,
                               bool& from_new) {
  const std::optional<ParsedName> parsed = parse_message_name(name);
  if (!parsed) return EINVAL;
  Place place{parsed->base.size() == name.size(), name};
  for (int attempt = 0; attempt < 3; ++attempt) {
    const Fd& directory = place.in_new ? parts.new_mail : parts.cur;
    struct stat status {};
    const bool sized = parsed->disk.has_value();
    if (!sized && ::fstatat(directory.get(), place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      status.st_size = 0;
    const int gone = files_.remove_file(directory.get(), place.name.c_str());
    if (gone == 0) {
      const auto bytes = sized ? static_cast<std::int64_t>(*parsed->disk) : status.st_size;
      const std::optional<ParsedName> actual = parse_message_name(place.name);
      if (actual && !actual->has_flag('T')) {  // flagged T it is not in the ledger
        removed.bytes = saturated_add(removed.bytes, bytes);
        ++removed.messages;
      }
      from_new = place.in_new;
      return 0;
    }
    if (gone != -ENOENT && gone != -EBADF) return -gone;
    if (attempt == 0) {
      place.in_new = !place.in_new;  // the same name in the other directory, without a search
      continue;
    }
    const std::optional<Place> found = locate(parts, name);
    if (!found) return 0;
    place = *found;
  }
  return EBUSY;
}

Result<MaildropReader::Removed> MaildropReader::remove(const QuotaHolder& holder,
                                                       std::span<const std::string> names) {
  Result<Parts> parts = open_parts(holder.maildir);
  if (!parts) return pass(parts);
  Removed result;
  Usage removed;
  bool in_new = false;
  bool in_cur = false;
  for (const std::string& name : names) {
    bool from_new = false;
    const std::int64_t before = removed.messages;
    if (remove_one(*parts, name, removed, from_new) != 0) {
      ++result.failed;
      continue;
    }
    ++result.removed;
    if (removed.messages != before) (from_new ? in_new : in_cur) = true;
  }
  if (in_new) files_.sync_directory(parts->new_mail.get());
  if (in_cur) files_.sync_directory(parts->cur.get());
  if (removed.messages > 0) quota_.removed(parts->top, holder, removed);
  return result;
}

}  // namespace toast::maildir
