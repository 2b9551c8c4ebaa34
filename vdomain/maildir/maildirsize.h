// The Maildir++ quota ledger, file `maildirsize` in a Maildir, shared with Dovecot, Courier and
// vpopmail: first line the quota ("10485760S,1000C"), then one line "<bytes> <count>" per change,
// negative for removals; usage is their sum. Anybody may append, in one write; anybody who finds it
// wrong counts the messages and replaces it. It is arithmetic, not durable state: it is never
// synced, and what a crash does to it the next recount repairs.
//
// Kept only for mailboxes that have a quota: without one nobody reads it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "vdomain/instruction.h"
#include "vdomain/maildir/file_system.h"

namespace toast::maildir {

inline constexpr std::size_t kMaxLedgerBytes = 5120;          // Maildir++: recount at this size
inline constexpr std::chrono::minutes kLedgerTrustedFor{15};  // Maildir++: while over quota

struct Usage {
  std::int64_t bytes = 0;
  std::int64_t messages = 0;
  friend bool operator==(const Usage&, const Usage&) = default;
};

struct LedgerContent {
  vdomain::Quota quota;
  Usage usage;
  std::size_t changes = 0;  // lines after the first
};

// "10485760S,1000C", either part alone; "" without limits.
std::string format_quota(const vdomain::Quota& quota);
// nullopt: not a ledger, or its sums overflow or are negative. It is then counted anew.
std::optional<LedgerContent> parse_maildirsize(std::string_view text);

// a + b where both are sizes in a mailbox; sums past the range count as the largest number, so
// that no arithmetic ever makes a full mailbox look empty.
std::int64_t saturated_add(std::int64_t a, std::int64_t b);
// Would a message of `bytes` more still fit? With reserved: what is being delivered right now.
bool fits(const vdomain::Quota& quota, const Usage& used, std::uint64_t bytes);

// Counts cur/ and new/ of the Maildir and of its folders (".Name"), except .Trash and messages
// flagged T, taking sizes from ",S=" where names have it.
[[nodiscard]] Result<Usage> count_messages(const Fd& maildir);

class Ledger {
 public:
  Ledger(FileSystem& files, const Clock& clock) : files_(files), clock_(clock) {}

  struct Reading {
    Usage usage;
    // Counted just now, or within kLedgerTrustedFor and unchanged since: good enough to refuse by.
    bool fresh = false;
  };
  // What the ledger says, counted anew where Maildir++ says so (missing, damaged, of another quota,
  // too long).
  [[nodiscard]] Result<Reading> read(const Fd& maildir, const vdomain::Quota& quota);
  // Before refusing a message: the ledger may be wrong when it has changes in it, or is old.
  [[nodiscard]] Result<Usage> recount(const Fd& maildir, const vdomain::Quota& quota);
  // Adds one line. A ledger that is not there is left alone: the next reader counts.
  void add(const Fd& maildir, Usage change);

 private:
  bool is_young(const Fd& file) const;
  Result<void> replace(const Fd& maildir, const vdomain::Quota& quota, const Usage& usage);
  FileSystem& files_;
  const Clock& clock_;
};

}  // namespace toast::maildir
