#include "mta/smtpd/recipient_client.h"

#include "vdomain/resolver_messages.h"

namespace toast::smtpd {
namespace {

using Asked = vdomain::CheckRecipient;

Verdict translate(Asked::Verdict verdict) {
  switch (verdict) {
    case Asked::Verdict::accept:
      return Verdict::accept;
    case Asked::Verdict::unknown:
      return Verdict::unknown;
    case Asked::Verdict::over_quota:
      return Verdict::over_quota;
    case Asked::Verdict::suspended:
      return Verdict::suspended;
    case Asked::Verdict::not_local:
      return Verdict::not_local;
  }
  return Verdict::not_local;
}

}  // namespace

Task<Result<RecipientVerdict>> RecipientClient::check(Address recipient, std::uint64_t size_bytes) {
  Asked question{std::move(recipient), size_bytes};
  Result<Asked::Reply> answer = co_await vdomaind_.call(std::move(question));
  if (!answer) {
    // Whatever went wrong on the way, it says nothing about the recipient.
    co_return transient(std::move(answer.error().detail));
  }
  co_return RecipientVerdict{translate(answer->verdict), std::move(answer->reason)};
}

}  // namespace toast::smtpd
