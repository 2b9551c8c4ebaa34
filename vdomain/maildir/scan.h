// What messages a Maildir holds: one pass over new/ and cur/, names only, sorted. No stat per
// message where names carry sizes (",W=").
//
// The Maildir is shared and not locked. new/ is read before cur/, because readers move messages
// that way; when cur/ changed while it was read (a renamed name can hide from the reader of a
// directory) it is all read again.
#pragma once

#include <asio/thread_pool.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vdomain/maildir/listing.h"
#include "vdomain/maildir/mail_store.h"
#include "vdomain/maildir/message_name.h"

namespace toast::maildir {

inline constexpr std::uint64_t kUnknownSize = ~std::uint64_t{0};

struct ScannedMessage {
  std::uint64_t seconds = 0;     // sort key: time of arrival,
  std::uint64_t next_bytes = 0;  // the eight bytes of the name after it
  std::uint64_t wire_bytes = kUnknownSize;
  std::uint32_t text_offset = 0;  // of the file name, in one of ScannedMaildir::texts
  std::uint8_t text = 0;          // in this one
  std::uint8_t name_bytes = 0;
  std::uint8_t base_bytes = 0;
  std::uint8_t bits = 0;  // kListed..., as the listing has them
  bool in_new() const { return (bits & kListedInNew) != 0; }
};
static_assert(sizeof(ScannedMessage) == 32 && kNameMax <= 255);

struct ScannedMaildir {
  using Messages = std::vector<ScannedMessage>;
  Messages messages;               // in the order of a listing, each base name once
  std::vector<std::string> texts;  // of each part of a directory, where it was read into
  DirectoryStamp new_mail;         // as it was before it was read
  DirectoryStamp cur;
  std::size_t text_bytes() const {
    std::size_t bytes = 0;
    for (const std::string& text : texts) bytes += text.size();
    return bytes;
  }
  // Names lie in the order of their hashes: whoever goes through many in order says some steps
  // ahead which it will need.
  void will_need_name(std::size_t message) const {
    constexpr std::size_t kUsualName = 63;  // begins in one cache line, ends in the next
    if (message >= messages.size()) return;
    const ScannedMessage& m = messages[message];
    const char* const name = texts[m.text].data() + m.text_offset;
    __builtin_prefetch(name);
    __builtin_prefetch(name + kUsualName);
  }
  std::string_view name(const ScannedMessage& m) const {
    return std::string_view(texts[m.text]).substr(m.text_offset, m.name_bytes);
  }
  std::string_view base(const ScannedMessage& m) const {
    return std::string_view(texts[m.text]).substr(m.text_offset, m.base_bytes);
  }
};

[[nodiscard]] Result<DirectoryStamp> stamp_of(const Fd& directory);

// A directory that is not there (an empty Fd) counts as empty. `helpers` (may be nullptr): a large
// directory is read and sorted in two halves, one of them by a thread of the pool that is idle. The
// directory index of ext4 is what a scan costs most, and the kernel walks it on one core.
[[nodiscard]] Result<ScannedMaildir> scan_maildir(const Fd& new_mail, const Fd& cur,
                                                  asio::thread_pool* helpers);

// Do two base names come in this order? The order of listings.
bool comes_before(std::uint64_t seconds_a, std::string_view base_a, std::uint64_t seconds_b,
                  std::string_view base_b);

}  // namespace toast::maildir
