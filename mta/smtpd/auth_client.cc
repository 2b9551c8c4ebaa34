#include "mta/smtpd/auth_client.h"

namespace toast::smtpd {

Task<Result<auth::SaslReply>> AuthClient::start(auth::SaslStart request) {
  co_return co_await authd_.call(std::move(request));
}

Task<Result<auth::SaslReply>> AuthClient::step(auth::SaslStep request) {
  co_return co_await authd_.call(std::move(request));
}

// Whatever it answers: an exchange that is not ended here ends by its time.
Task<> AuthClient::cancel(std::uint64_t exchange) {
  auth::SaslCancel message{exchange};
  (void)co_await authd_.call(std::move(message));
}

}  // namespace toast::smtpd
