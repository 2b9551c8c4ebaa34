// Answers toastctl's questions about the queue (admin_messages.h). Reads only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ipc.h"
#include "mta/queue/admin_messages.h"
#include "mta/queue/deliverer.h"
#include "mta/queue/intake.h"
#include "mta/queue/ledger.h"
#include "mta/queue/pauses.h"
#include "mta/queue/remote_deliverer.h"

namespace toast::queue {

// Messages looked at for one page of a listing: some milliseconds.
inline constexpr std::size_t kMaxLookedAt = 20'000;

class AdminDesk {
 public:
  struct Services {
    Store& store;
    Ledger& ledger;
    Intake& intake;
    Deliverer& deliverer;
    RemoteDeliverer& remote;
    const Pauses& pauses;
    const Clock& clock;
    QueueMetrics& metrics;
  };
  // `warnings`: what was found at start.
  AdminDesk(Services services, const Options& options, std::vector<std::string> warnings);

  void serve(ipc::Dispatcher& dispatcher);
  void set_options(const Options& options) { options_ = options; }

  QueueList::Reply list(const QueueList& question) const;
  Result<QueueShow::Reply> show(const QueueShow& question) const;
  QueueStatus::Reply status() const;

 private:
  struct Totals {
    std::uint64_t accepted = 0, deliveries = 0, deferrals = 0, failures = 0, bounces = 0,
                  discarded_bounces = 0;
  };
  Totals totals() const;
  // Why an open recipient that nobody is trying now waits, if that is its destination's trouble.
  struct Wait {
    std::string why;
    std::int64_t until_seconds = 0;  // 0: nobody knows
  };
  std::optional<Wait> wait_of(const QueuedMessage& message, std::uint32_t index) const;
  MessageSummary summary_of(const QueuedMessage& message) const;
  RecipientDetail detail_of(const QueuedMessage& message, std::uint32_t index) const;
  std::string pauses_text() const;

  Services services_;
  Options options_;
  std::vector<std::string> warnings_;
  std::int64_t started_seconds_;
  Totals at_start_;
};

}  // namespace toast::queue
