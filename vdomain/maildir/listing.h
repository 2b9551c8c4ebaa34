// The listing of a maildrop: one immutable binary file, made by the keeper of the mail and read by
// the POP3 front end through a read-only descriptor, in pieces, as the client asks. Two homes: a
// sealed memory file, or `toast-listing` in the Maildir, where the next login finds it again.
//
//   header   kListingHeaderBytes: struct ListingHeader
//   entries  count * kListingEntryBytes: struct ListingEntry, sorted by time of arrival (leading
//            digits of the name), then by base name; message n of a session is entry n - 1
//   text     the file names, in the order of the entries, each followed by its unique-id where that
//            is not the front part of the name
// Integers are little-endian, both ends being on one host.
//
// What the reader trusts: nothing. Whoever may write into the Maildir may have made this file; any
// bytes at all yield values within limits, or an error.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace toast::maildir {

inline constexpr std::array<char, 8> kListingMagic{'T', 'O', 'A', 'S', 'T', 'L', 'S', '1'};
inline constexpr std::uint32_t kMaxListed = 2'000'000;  // messages; the oldest ones beyond that
inline constexpr std::uint64_t kMaxListedText = 1ULL << 29U;  // their names, 255 bytes each

// A directory as it was scanned. The change time cannot be set by anybody, so a Maildir that was
// copied or restored with its times never matches.
struct DirectoryStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_seconds = 0;
  std::int64_t changed_seconds = 0;
  std::uint32_t modified_nanoseconds = 0;
  std::uint32_t changed_nanoseconds = 0;
  friend bool operator==(const DirectoryStamp&, const DirectoryStamp&) = default;
};

struct ListingHeader {
  std::array<char, 8> magic = kListingMagic;
  std::uint32_t count = 0;
  std::uint32_t reserved = 0;
  std::uint64_t octets = 0;  // on the wire, all messages
  std::uint64_t text_bytes = 0;
  // For the keeper only: may this file be used again?
  DirectoryStamp new_mail;
  DirectoryStamp cur;
  std::int64_t scanned_seconds = 0;         // when the scan began
  std::array<unsigned char, 16> boot_id{};  // written by this boot: not torn by a power cut
  // BLAKE2b of entries and text, in a file that is to be found again: it costs more than the rest.
  std::array<unsigned char, 16> checksum{};
};
inline constexpr std::size_t kListingHeaderBytes = 152;
static_assert(sizeof(ListingHeader) == kListingHeaderBytes);

struct ListingEntry {
  std::uint64_t wire_bytes = 0;
  std::uint32_t text_offset = 0;
  std::uint16_t name_bytes = 0;
  std::uint8_t unique_id_bytes = 0;
  std::uint8_t bits = 0;
};
inline constexpr std::size_t kListingEntryBytes = 16;
static_assert(sizeof(ListingEntry) == kListingEntryBytes);
inline constexpr std::uint8_t kListedInNew = 1;        // else it was in cur/
inline constexpr std::uint8_t kListedOwnUniqueId = 2;  // behind the name, else its front part
inline constexpr std::uint8_t kListedSeen = 4;         // flag S

// Some consecutive messages, held in memory. Views are valid as long as the page.
class ListingPage {
 public:
  std::size_t size() const { return entries_.size(); }
  std::uint64_t wire_bytes(std::size_t i) const { return entries_[i].wire_bytes; }
  std::string_view name(std::size_t i) const;       // the file's, flags and all: for FetchMessage
  std::string_view unique_id(std::size_t i) const;  // 1 to 70 bytes of 0x21-0x7e
  bool in_new(std::size_t i) const { return (entries_[i].bits & kListedInNew) != 0; }
  bool is_seen(std::size_t i) const { return (entries_[i].bits & kListedSeen) != 0; }

 private:
  friend class Listing;
  std::vector<ListingEntry> entries_;
  std::string text_;
  std::uint64_t text_from_ = 0;
};

class Listing {
 public:
  // Reads and checks the header. Errors are transient: a new login makes a new listing.
  [[nodiscard]] static Result<Listing> open(Fd descriptor);

  std::uint32_t count() const { return header_.count; }
  std::uint64_t octets() const { return header_.octets; }
  const ListingHeader& header() const { return header_; }
  const Fd& file() const { return file_; }

  // Messages `first` (from 0) and at most `most` that follow; empty past the end.
  [[nodiscard]] Result<ListingPage> page(std::uint32_t first, std::uint32_t most) const;
  // Their sizes alone: no names are read. The page's name() and unique_id() are empty.
  [[nodiscard]] Result<ListingPage> sizes(std::uint32_t first, std::uint32_t most) const;

 private:
  Listing(Fd file, const ListingHeader& header) : file_(std::move(file)), header_(header) {}
  Result<ListingPage> read_entries(std::uint32_t first, std::uint32_t most) const;
  Fd file_;
  ListingHeader header_;
};

// Of entries and text, as the file has them now: as many bytes as `header` says, however long the
// file has grown meanwhile.
[[nodiscard]] Result<std::array<unsigned char, 16>> checksum_of(const Fd& listing,
                                                                const ListingHeader& header);

}  // namespace toast::maildir
