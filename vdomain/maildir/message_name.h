// Names of message files in a Maildir: the ones we make, and reading anybody's.
//
// Ours:  SECONDS.M<microseconds>Q<18 letters>.<6 letters>,S=<bytes>,W=<wire bytes>
// Seconds are those of the message's arrival in the queue, microseconds those of its queue id, so
// sorting by name is sorting by arrival. The 18 letters (90 bits) are a hash of which delivery it
// is, so the same delivery made again after a crash gets the same name and is seen to be done. The
// 6 letters are a hash of the host name: it tells hosts apart on shared storage and tells readers
// nothing. The part before ':' is the POP3 unique-id: at most 70 bytes of 0x21-0x7e (RFC 1939
// section 7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mta/message/message_id.h"

namespace toast::maildir {

inline constexpr std::size_t kMaxUniqueId = 70;  // RFC 1939 section 7
inline constexpr std::size_t kNameMax = 255;     // NAME_MAX of every file system we meet
inline constexpr std::size_t kInstanceBytes = 16;
// Ten digits, so that a name stays within kMaxUniqueId; far beyond any message limit.
inline constexpr std::uint64_t kMaxNamedBytes = 9'999'999'999;

// Which delivery: the same key is the same delivery, attempted again.
struct DeliveryKey {
  std::string queue_instance;  // kInstanceBytes random bytes, one per queue
  MessageId message;
  std::uint32_t recipient_index = 0;    // into the message's envelope
  std::uint32_t instruction_index = 0;  // into the frozen list of instructions
  std::string recipient;                // the address, in text
  std::int64_t arrival_seconds = 0;     // Unix time, from the queue's record of the message
};

// Size on disk, and size on the wire: every LF that has no CR in front of it goes out as CRLF.
// Neither counts the CRLF that a server adds before the final dot when the last line has no end.
struct MessageSize {
  std::uint64_t disk = 0;
  std::uint64_t wire = 0;
  friend bool operator==(const MessageSize&, const MessageSize&) = default;
};

// Counts bytes and LFs in pieces, as they come.
class SizeCounter {
 public:
  void add(std::string_view piece);
  MessageSize size() const { return {bytes_, bytes_ + bare_newlines_}; }

 private:
  std::uint64_t bytes_ = 0;
  std::uint64_t bare_newlines_ = 0;
  bool after_cr_ = false;
};

class MessageNamer {
 public:
  explicit MessageNamer(std::string_view host_name);
  // `size` is at most kMaxNamedBytes each. `again` counts up when a name turns out to be taken by
  // other content, which only a foreign hand in the Maildir can cause.
  std::string name(const DeliveryKey& key, MessageSize size, unsigned again = 0) const;

 private:
  std::string host_;  // the 6 letters
};

// What a file name says. Views into the name that was parsed.
struct ParsedName {
  std::string_view base;              // before the first ':': the unique part
  std::string_view flags;             // after ":2,"; letters of any kind, unknown ones kept
  std::optional<std::uint64_t> disk;  // ,S=
  std::optional<std::uint64_t> wire;  // ,W=
  std::uint64_t seconds = 0;          // leading digits, 0 if none or too many
  std::string_view after_seconds;     // of the base, all behind its leading digits
  bool has_flag(char flag) const { return flags.find(flag) != std::string_view::npos; }
};
// nullopt: not the name of a message (empty, hidden, a '/' or NUL in it, over kNameMax).
// Nobody's sizes are trusted for memory or for access, only for arithmetic.
std::optional<ParsedName> parse_message_name(std::string_view file_name);

// The unique-id a POP3 client sees: the base name, or a hash of it where RFC 1939 would not allow
// that (too long, a space, a control character, a byte outside ASCII).
bool is_valid_unique_id(std::string_view base);
std::string unique_id(std::string_view base);

// Lower-case letters and digits without i, l, o, u; 5 bits each.
std::string base32(const unsigned char* bytes, std::size_t letters);

}  // namespace toast::maildir
