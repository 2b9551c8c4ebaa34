// Tells the owner of a mailbox that it fills up: a message into the mailbox itself, for each share
// of the quota once a day at most. The file `quotawarn` in the Maildir remembers when; it is
// written before the message is, so that a crash costs a warning and never repeats one.
//
// A domain with a quota over all its mailboxes (domain_sums.h) has its postmaster told the same
// way; his Maildir remembers that in `quotawarn-domain`.
//
// Nobody else is written to, and nothing comes back: the null sender, Auto-Submitted, delivered
// here and not through the queue.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "vdomain/maildir/delivery.h"
#include "vdomain/maildir/quota_gate.h"
#include "vdomain/quota_messages.h"

namespace toast::maildir {

inline constexpr std::chrono::hours kQuotaWarningInterval{24};
// A warning is delivered though the mailbox is full; it is counted, and no larger than this.
inline constexpr std::size_t kQuotaWarningMargin = 4096;
inline constexpr std::size_t kMaxWarningStamps = 4096;  // bytes of `quotawarn`

// "80 95 100", or "off": none.
std::vector<unsigned> parse_percentages(std::string_view text);

struct QuotaWarning {
  std::string host;  // of the author
  Address mailbox;
  unsigned percent = 0;
  vdomain::Quota quota;
  Usage used;
  WallTime now;
  std::optional<Domain> domain = std::nullopt;  // whose quota it is; none: the mailbox's
};
std::string quota_warning_text(const QuotaWarning& warning);

class QuotaWarnings {
 public:
  QuotaWarnings(MailStore& store, Deliverer& deliverer, QuotaGate& gate, std::string host,
                Logger& log, Counter warned);
  void set_host(std::string_view host);
  // Blocks on the disk. Any thread.
  void warn(const QuotaHolder& holder, unsigned percent, Usage used);
  // `reader`: where mail for the domain's postmaster goes.
  void warn_of_domain(const QuotaHolder& reader, const vdomain::DomainQuota& domain,
                      unsigned percent, Usage used);

 private:
  void send(const QuotaHolder& reader, const std::string& stamp_name, QuotaWarning warning);
  [[nodiscard]] Result<bool> stamp(const OpenMaildir& maildir, const std::string& name,
                                   unsigned percent, WallTime now);
  MailStore& store_;
  Deliverer& deliverer_;
  QuotaGate& gate_;
  Logger& log_;
  Counter warned_;
  std::mutex mutex_;  // one at a time: two that cross a line together are one warning
  std::string host_;
};

}  // namespace toast::maildir
