// Streams messages to queued.
#pragma once

#include <cstdint>

#include "base/ipc.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class QueueClient final : public MessageQueue {
 public:
  QueueClient(ipc::Link& queued, const Clock& clock) : queued_(queued), clock_(clock) {}
  bool available() const override { return queued_.connected(); }
  Task<Result<void>> check_space(std::uint64_t size_bytes, std::string connection) override;
  Task<Result<std::unique_ptr<SendingRight>>> redeem(std::string ticket,
                                                     std::string connection) override;
  std::unique_ptr<Submission> submit(Envelope envelope) override;

 private:
  ipc::Link& queued_;
  const Clock& clock_;
  SteadyTime had_space_until_{};
  std::uint32_t last_submission_ = 0;
};

}  // namespace toast::smtpd
