// A mailbox as POP3 sees it: its listing, a message as a read-only descriptor, removal. Shared with
// other programs at all times and never locked; messages that move from new/ to cur/ or change
// flags are found again, messages that are gone are gone. Nothing is held between calls.
//
// All of it blocks; threads may call it at the same time.
#pragma once

#include <array>
#include <asio/thread_pool.hpp>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/result.h"
#include "vdomain/maildir/listing.h"
#include "vdomain/maildir/mail_store.h"
#include "vdomain/maildir/quota_gate.h"
#include "vdomain/maildir/scan.h"

namespace toast::maildir {

// The time stamps of directories tick every few milliseconds, so a change just after a scan may
// leave the same stamp. A listing is used again only if the directories had been quiet this long.
inline constexpr std::chrono::seconds kQuietBeforeScan{2};
// Below this a scan costs no more than reading a listing back; no file is left in the Maildir
// unless it holds sizes that had to be counted.
inline constexpr std::uint32_t kWorthKeeping = 256;

class MaildropReader {
 public:
  using BootId = std::array<unsigned char, 16>;
  // `boot_id`: of this start of toastd. A listing file of another start may be torn by a power cut:
  // it is not handed out, and sizes are taken from it only where its checksum holds.
  // `helpers`: see scan_maildir(); may be nullptr, else outlives all calls.
  MaildropReader(MailStore& store, QuotaGate& quota, const Clock& clock, BootId boot_id,
                 asio::thread_pool* helpers = nullptr);

  // A listing that the next visit would be glad to find.
  struct Unkept {
    Fd maildir;
    Fd listing;
    ListingHeader header;
  };
  struct Opened {
    Fd listing;  // read-only, never changing
    std::uint32_t messages = 0;
    std::uint64_t octets = 0;
    std::optional<Unkept> unkept;  // for keep(), when the client has its answer
  };
  // A Maildir that is not there is empty.
  [[nodiscard]] Result<Opened> open(const MaildirPath& path);
  // Leaves it in the Maildir. That it could not (disk full, read-only) hurts nobody.
  void keep(Unkept unkept);

  struct Message {
    Fd file;
    std::uint64_t bytes = 0;
  };
  // `name` as in the listing. Gone: transient, "4.2.0 gone". Not a name of a message: permanent.
  [[nodiscard]] Result<Message> fetch(const MaildirPath& path, const std::string& name);

  struct Removed {
    std::uint32_t removed = 0;  // gone already counts
    std::uint32_t failed = 0;
  };
  // Removes, then syncs each directory once, then corrects the ledger.
  [[nodiscard]] Result<Removed> remove(const QuotaHolder& holder,
                                       std::span<const std::string> names);

 private:
  struct Parts {
    Fd top;
    Fd new_mail;
    Fd cur;
  };
  Result<Parts> open_parts(const MaildirPath& path);
  Result<Opened> reuse(const Parts& parts, bool& usable);
  Result<Opened> scan(const Parts& parts);
  Result<void> find_sizes(const Parts& parts, ScannedMaildir& found, bool& counted);
  Result<Fd> unnamed_file();
  int copy_listing(const Unkept& from, const Fd& to);
  struct Place {
    bool in_new = false;
    std::string name;
  };
  std::optional<Place> locate(const Parts& parts, const std::string& name);
  int remove_one(const Parts& parts, const std::string& name, Usage& removed, bool& from_new);

  MailStore& store_;
  FileSystem& files_;
  QuotaGate& quota_;
  const Clock& clock_;
  BootId boot_id_;
  asio::thread_pool* helpers_;
};

}  // namespace toast::maildir
