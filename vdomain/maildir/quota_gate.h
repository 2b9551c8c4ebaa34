// Decides whether a message fits into a mailbox, counting what other threads are delivering there
// at the same moment, and tells when a mailbox fills up or has room again.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "mta/message/address.h"
#include "vdomain/maildir/domain_sums.h"
#include "vdomain/maildir/mail_store.h"
#include "vdomain/maildir/maildirsize.h"
#include "vdomain/usage_messages.h"

namespace toast::maildir {

// A mailbox with less room than this (or than a sixteenth of its quota, if that is less) counts as
// full when a sender asks at RCPT: better told there than after the message was taken.
inline constexpr std::uint64_t kRoomForMail = 64 * 1024;
inline constexpr std::size_t kMaxFullMailboxes = 100'000;  // watched; beyond it RCPT says nothing
// With less room than this a mailbox may have none for a message that smtpd takes; so smtpd is told
// how much there is, for the SIZE that a client announces. More than `databytes` by default.
inline constexpr std::uint64_t kRoomForAnyMail = 64UL * 1024 * 1024;

// Said again so often without news, because whoever keeps it forgets (vdomain/usage_memory.h).
inline constexpr std::chrono::minutes kRemindAfter{10};

bool is_full(const vdomain::Quota& quota, const Usage& used);
// How full, in percent and rounded down; never over 100.
unsigned percent_of(const vdomain::Quota& quota, const Usage& used);
// The highest of these, which rise, that lies between the two; 0: none, and never 100, which is for
// mail that is refused.
unsigned highest_crossed(const std::vector<unsigned>& percentages, unsigned from, unsigned to);

// A mailbox as the ledger and the reports need it.
struct QuotaHolder {
  Address mailbox;
  MaildirPath maildir;
  vdomain::Quota quota;
};

class QuotaGate {
 public:
  // Called on any thread: when a mailbox becomes full or short of room and when it no longer is,
  // when a message was refused for lack of room, when room was made, and when much of it went.
  using Report =
      std::function<void(const QuotaHolder& holder, vdomain::RoomState state, Usage usage)>;
  QuotaGate(FileSystem& files, const Clock& clock, Report report);

  // Called on any thread: a delivery took a mailbox to `percent` of its quota or past it (the
  // highest of several), or (100) was refused for lack of room. Rising order.
  using Crossed = std::function<void(const QuotaHolder& holder, unsigned percent, Usage used)>;
  void on_crossed(Crossed crossed) { crossed_ = std::move(crossed); }
  void set_percentages(std::vector<unsigned> percentages);
  // Those are asked, too, and told what changes.
  void measure_domains(DomainSums& domains) { domains_ = &domains; }

  // Room taken for a message that is on its way; given back by its destructor.
  class Reservation {
   public:
    Reservation() = default;
    Reservation(Reservation&& other) noexcept;
    Reservation& operator=(Reservation&& other) noexcept;
    ~Reservation();
    explicit operator bool() const { return gate_ != nullptr; }

   private:
    friend class QuotaGate;
    void release();
    QuotaGate* gate_ = nullptr;
    std::string maildir_;
    Usage room_;
    Usage used_then_;               // with all that was coming, this message too
    std::optional<Domain> domain_;  // of whose quota it took room, too
  };

  // Transient 4.2.2 when it does not fit, after a recount if the ledger may be wrong. Without a
  // quota costs nothing and reserves nothing.
  [[nodiscard]] Result<Reservation> reserve(const Fd& maildir, const QuotaHolder& holder,
                                            std::uint64_t bytes);
  // The message of this reservation was published.
  void published(const Fd& maildir, const QuotaHolder& holder, const Reservation& reservation);
  // Something came in without asking for room.
  void added(const Fd& maildir, const QuotaHolder& holder, Usage change);
  void removed(const Fd& maildir, const QuotaHolder& holder, Usage removed);
  // A message of ours was found published, but nobody knows whether it was counted.
  void count_anew(const Fd& maildir, const QuotaHolder& holder);

  // Those to look at again, because another program may have made room: all that are full, and some
  // of those that are short of room, others at each call. Call now and then.
  std::vector<QuotaHolder> to_look_at();
  void look_again(const Fd& maildir, const QuotaHolder& holder);

 private:
  // `remind`: say so even if it was full before; whoever keeps these reports forgets in time.
  void note(const QuotaHolder& holder, const Usage& usage, bool remind = false);
  Usage reserved_for(const std::string& maildir) const;
  void tell_crossed(const QuotaHolder& holder, const Usage& before, const Usage& after);
  void tell_refused(const QuotaHolder& holder, const Usage& used);

  void change_domain(const QuotaHolder& holder, Usage change);

  const Clock& clock_;
  DomainSums* domains_ = nullptr;
  Ledger ledger_;
  Report report_;
  Crossed crossed_;
  std::vector<unsigned> percentages_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Usage> reserved_;
  // What was reported of a mailbox without ample room.
  struct Watched {
    QuotaHolder holder;
    bool full = false;
    std::int64_t used = 0;
    SteadyTime reported{};
  };
  std::unordered_map<std::string, Watched> watched_;
  std::string looked_at_;  // the last of those short of room, so that it goes round
};

}  // namespace toast::maildir
