// In a file of its own, so that a benchmark can have the same front end without it.
#include "auth/keyd/key_client.h"

namespace toast::keyd {

Task<Result<std::string>> KeyClient::sign(tls::SignatureRequest request) {
  Sign question{std::move(request.key_id), request.scheme, std::move(request.text)};
  Result<Sign::Reply> reply = co_await keyd_.call(std::move(question), kSignPatience);
  if (!reply) co_return pass(reply);
  co_return std::move(reply->signature);
}

}  // namespace toast::keyd
