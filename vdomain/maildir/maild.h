// The keeper of mail/: answers deliveries from queued and mailbox access from POP3 front ends.
//
// What it trusts: toastd, for who is at the other end of a channel. queued may deliver anywhere
// beneath mail/. A front end may open what its tickets say (auth/ticket.h), may name only messages
// in there, and never a path; what it was given lives as long as its channel.
//
// The event loop only decodes and answers; delivery and mailbox access block on threads, each on
// its own, so that a slow scan delays no delivery.
#pragma once

#include <asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "auth/ticket.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/ipc.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "vdomain/maildir/delivery_messages.h"
#include "vdomain/maildir/delivery_pool.h"
#include "vdomain/maildir/domain_meter.h"
#include "vdomain/maildir/maildrop.h"
#include "vdomain/maildir/maildrop_messages.h"
#include "vdomain/usage_messages.h"

namespace toast::maildir {

inline constexpr std::size_t kOpenMaildirs = 4096;    // three descriptors each, of 65536 allowed
inline constexpr std::size_t kMaxSessions = 100'000;  // of one front end
// Somebody else may make room in a full mailbox: IMAP's users expect mail soon after.
inline constexpr std::chrono::seconds kLookAtFullMailboxes{5};
inline constexpr std::chrono::milliseconds kPerFullMailbox{1};  // longer where there are thousands

struct MaildOptions {
  std::string host_name;
  std::vector<unsigned> quota_warnings;  // percentages, rising
  std::size_t delivery_threads = kDefaultDeliveryThreads;
  std::size_t maildrop_threads = 8;  // mostly short, some scan a large mailbox
  std::size_t open_maildirs = kOpenMaildirs;
  Secret ticket_key;
  MaildropReader::BootId boot_id{};  // see listing.h: files of another are checked before use
};

class Maild {
 public:
  using SendUsage = std::function<void(vdomain::UsageReport)>;  // called on `executor`
  Maild(asio::any_io_executor executor, MaildOptions options, Fd mail_root, const Clock& clock,
        Logger& log, Metrics& metrics, SendUsage send_usage);
  // `files` lends a file system that tests can watch.
  Maild(asio::any_io_executor executor, MaildOptions options, Fd mail_root, FileSystem& files,
        const Clock& clock, Logger& log, Metrics& metrics, SendUsage send_usage);
  ~Maild();

  // Domains may have a quota over all their mailboxes; else none has. Before start().
  void measure_domains(std::shared_ptr<QuotaDirectory> directory);
  // Starts looking now and then at mailboxes that were full.
  void start();
  // What `peer` may ask; null for peers that have no business here.
  std::shared_ptr<const ipc::Dispatcher> dispatcher_for(const std::string& peer);
  // authd was gone at `at`: its tickets end with it.
  void issuer_ended(SteadyTime at);
  // Names of messages delivered from now on say this host; the numbers of threads stay.
  void set_host_name(std::string_view host_name);
  void set_quota_warnings(std::vector<unsigned> percentages);
  // Maildrops open now, of all front ends.
  std::uint64_t sessions() const;
  // Answers everything that is in hand.
  Task<> drain();

 private:
  struct Parts;
  std::shared_ptr<Parts> parts_;
};

}  // namespace toast::maildir
