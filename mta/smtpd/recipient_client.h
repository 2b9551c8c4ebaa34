// Asks vdomaind about recipients.
#pragma once

#include "base/ipc.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class RecipientClient final : public RecipientCheck {
 public:
  explicit RecipientClient(ipc::Link& vdomaind) : vdomaind_(vdomaind) {}
  Task<Result<RecipientVerdict>> check(Address recipient, std::uint64_t size_bytes) override;

 private:
  ipc::Link& vdomaind_;
};

}  // namespace toast::smtpd
