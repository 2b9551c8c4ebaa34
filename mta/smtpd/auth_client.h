// Asks authd who a client is.
#pragma once

#include "base/ipc.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class AuthClient final : public Authenticator {
 public:
  explicit AuthClient(ipc::Link& authd) : authd_(authd) {}
  Task<Result<auth::SaslReply>> start(auth::SaslStart request) override;
  Task<Result<auth::SaslReply>> step(auth::SaslStep request) override;
  Task<> cancel(std::uint64_t exchange) override;
  void saw_foreign_sender(auth::SawForeignSender seen) override { authd_.notify(std::move(seen)); }

 private:
  ipc::Link& authd_;
};

}  // namespace toast::smtpd
