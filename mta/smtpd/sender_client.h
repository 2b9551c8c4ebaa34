// Asks vdomaind whose an address is.
#pragma once

#include "base/ipc.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class SenderClient final : public SenderRights {
 public:
  explicit SenderClient(ipc::Link& vdomaind) : vdomaind_(vdomaind) {}
  Task<Result<bool>> may_send_as(Address login, Address sender) override;

 private:
  ipc::Link& vdomaind_;
};

}  // namespace toast::smtpd
