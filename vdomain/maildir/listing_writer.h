// Makes listings (listing.h): piece by piece into their file, so that one of any size costs two
// small buffers; a large one by two threads.
#pragma once

#include <asio/thread_pool.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "vdomain/maildir/listing.h"
#include "vdomain/maildir/scan.h"

namespace toast::maildir {

// Writes consecutive entries of a listing and their texts.
class ListingWriter {
 public:
  // `count`: messages in the whole listing, since its texts lie behind all its entries. `first`:
  // number of the first entry to come; its text begins at `text_at`.
  ListingWriter(const Fd& file, std::uint32_t count, std::uint32_t first = 0,
                std::uint64_t text_at = 0);
  // `name` is at most 255 bytes; `bits` of kListed...: kListedOwnUniqueId if and only if `base` is
  // not a valid unique-id.
  void add(std::string_view name, std::string_view base, std::uint64_t wire_bytes,
           std::uint8_t bits);
  // Writes what is left. The first failure of all.
  [[nodiscard]] Result<void> finish();
  std::uint64_t octets() const { return octets_; }
  std::uint64_t text_end() const { return text_at_ + text_.size(); }

 private:
  void flush();
  const Fd& file_;
  std::uint64_t texts_at_;    // in the file
  std::uint64_t entries_at_;  // in the file: of the first in the buffer
  std::uint64_t text_at_;     // in the texts: of the first in the buffer
  std::uint64_t octets_ = 0;
  std::vector<ListingEntry> entries_;
  std::string text_;
  Result<void> written_;
};

// Last, when `count`, `octets` and `text_bytes` are known.
[[nodiscard]] Result<void> write_header(const Fd& file, const ListingHeader& header);

// All that `found` holds and a listing can, oldest first; messages of unknown size are left out.
// `file` is empty. The caller gives the header of it the time and the boot. `helpers`: as for
// scan_maildir().
[[nodiscard]] Result<ListingHeader> write_messages(const Fd& file, const ScannedMaildir& found,
                                                   asio::thread_pool* helpers);

}  // namespace toast::maildir
