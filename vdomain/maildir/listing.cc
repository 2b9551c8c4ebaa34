#include "vdomain/maildir/listing.h"

#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>

#include "vdomain/maildir/message_name.h"

namespace toast::maildir {
namespace {

static_assert(std::endian::native == std::endian::little, "the listing is written as it lies");

constexpr std::uint32_t kMaxPage = 65'536;  // entries; bounds what one page may take

tl::unexpected<Error> damaged(std::string_view why) {
  return transient("listing of a maildrop: " + std::string(why));
}

Result<void> read_at(const Fd& file, std::uint64_t offset, void* into, std::size_t size) {
  auto* at = static_cast<char*>(into);
  while (size > 0) {
    const ssize_t n = ::pread(file.get(), at, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", "listing");
    if (n == 0) return damaged("shorter than it says");
    at += n;
    offset += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return {};
}

std::uint64_t size_of_file(const ListingHeader& header) {
  return kListingHeaderBytes + std::uint64_t{header.count} * kListingEntryBytes + header.text_bytes;
}

std::size_t text_length(const ListingEntry& entry) {
  const bool own = (entry.bits & kListedOwnUniqueId) != 0;
  return entry.name_bytes + (own ? entry.unique_id_bytes : 0U);
}

bool is_sane(const ListingEntry& entry, const ListingHeader& header) {
  if (entry.name_bytes == 0 || entry.name_bytes > kNameMax) return false;
  if (entry.unique_id_bytes == 0 || entry.unique_id_bytes > kMaxUniqueId) return false;
  const bool own = (entry.bits & kListedOwnUniqueId) != 0;
  if (!own && entry.unique_id_bytes > entry.name_bytes) return false;
  return entry.text_offset + text_length(entry) <= header.text_bytes;
}

}  // namespace

std::string_view ListingPage::name(std::size_t i) const {
  if (text_.empty()) return {};
  const ListingEntry& entry = entries_[i];
  return std::string_view(text_).substr(entry.text_offset - text_from_, entry.name_bytes);
}

std::string_view ListingPage::unique_id(std::size_t i) const {
  if (text_.empty()) return {};
  const ListingEntry& entry = entries_[i];
  const bool own = (entry.bits & kListedOwnUniqueId) != 0;
  return std::string_view(text_).substr(
      entry.text_offset - text_from_ + (own ? entry.name_bytes : 0U), entry.unique_id_bytes);
}

Result<Listing> Listing::open(Fd descriptor) {
  ListingHeader header;
  Result<void> read = read_at(descriptor, 0, &header, sizeof(header));
  if (!read) return pass(read);
  if (header.magic != kListingMagic) return damaged("not a listing");
  if (header.count > kMaxListed || header.text_bytes > kMaxListedText)
    return damaged("over its limits");
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) return system_error("stat", "listing");
  if (static_cast<std::uint64_t>(status.st_size) != size_of_file(header))
    return damaged("of the wrong size");
  return Listing(std::move(descriptor), header);
}

Result<ListingPage> Listing::read_entries(std::uint32_t first, std::uint32_t most) const {
  ListingPage page;
  if (first >= header_.count) return page;
  page.entries_.resize(std::min({most, kMaxPage, header_.count - first}));
  Result<void> read =
      read_at(file_, kListingHeaderBytes + std::uint64_t{first} * kListingEntryBytes,
              page.entries_.data(), page.entries_.size() * kListingEntryBytes);
  if (!read) return pass(read);
  return page;
}

Result<ListingPage> Listing::sizes(std::uint32_t first, std::uint32_t most) const {
  return read_entries(first, most);
}

Result<ListingPage> Listing::page(std::uint32_t first, std::uint32_t most) const {
  Result<ListingPage> page = read_entries(first, most);
  if (!page || page->entries_.empty()) return page;
  std::uint64_t from = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t to = 0;
  for (const ListingEntry& entry : page->entries_) {
    if (!is_sane(entry, header_)) return damaged("an entry that cannot be");
    from = std::min<std::uint64_t>(from, entry.text_offset);
    to = std::max<std::uint64_t>(to, entry.text_offset + text_length(entry));
  }
  // Texts lie in the order of the entries, so a page's texts lie together.
  if (to - from > page->entries_.size() * (kNameMax + kMaxUniqueId))
    return damaged("names out of order");
  page->text_.resize(to - from);
  page->text_from_ = from;
  const std::uint64_t text_at =
      kListingHeaderBytes + std::uint64_t{header_.count} * kListingEntryBytes;
  Result<void> read = read_at(file_, text_at + from, page->text_.data(), page->text_.size());
  if (!read) return pass(read);
  // What parse_message_name() would say of each name, most of it for the page at once.
  if (page->text_.find('/') != std::string::npos || page->text_.find('\0') != std::string::npos)
    return damaged("a name that cannot be");
  for (std::size_t i = 0; i < page->size(); ++i) {
    const char begins = page->name(i).front();
    if (begins == '.' || begins == ':' || !is_valid_unique_id(page->unique_id(i)))
      return damaged("a name or unique-id that cannot be");
  }
  return page;
}

Result<std::array<unsigned char, 16>> checksum_of(const Fd& listing, const ListingHeader& header) {
  crypto_generichash_state state;
  std::array<unsigned char, 16> sum{};
  crypto_generichash_init(&state, nullptr, 0, sum.size());
  std::array<unsigned char, 64 * 1024> piece;
  const std::uint64_t end = size_of_file(header);
  for (std::uint64_t at = kListingHeaderBytes; at < end;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), end - at));
    Result<void> read = read_at(listing, at, piece.data(), size);
    if (!read) return pass(read);
    crypto_generichash_update(&state, piece.data(), size);
    at += size;
  }
  crypto_generichash_final(&state, sum.data(), sum.size());
  return sum;
}

}  // namespace toast::maildir
