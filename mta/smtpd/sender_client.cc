#include "mta/smtpd/sender_client.h"

#include "vdomain/sender_messages.h"

namespace toast::smtpd {

Task<Result<bool>> SenderClient::may_send_as(Address login, Address sender) {
  vdomain::MaySendAs question{std::move(login), std::move(sender)};
  Result<vdomain::MaySendAs::Reply> answer = co_await vdomaind_.call(std::move(question));
  if (!answer) co_return transient(std::move(answer.error().detail));
  co_return answer->allowed;
}

}  // namespace toast::smtpd
