#include "auth/sasl/cram_md5.h"

#include <optional>

#include "auth/service.h"

namespace toast::auth::sasl {

// The digest is behind the last blank: a name may have some.
Step CramMd5::hear(std::string_view message) {
  if (!begun_) return Malformed{"CRAM-MD5: a response before the challenge"};
  const std::size_t blank = message.rfind(' ');
  if (blank == std::string_view::npos) return Malformed{"CRAM-MD5: no name or no digest"};
  const std::string_view name = message.substr(0, blank);
  std::optional<std::string> digest = md5_digits(message.substr(blank + 1));
  if (!digest) return Malformed{"CRAM-MD5: no digest of MD5"};
  if (name.empty() || name.size() > kMaxLoginName || name.find('\0') != std::string_view::npos)
    return Malformed{"CRAM-MD5: no name, or over its limit"};
  return CheckDigest{std::string(name),
                     {Md5Proof::By::cram_md5, std::move(challenge_), std::move(*digest)}};
}

}  // namespace toast::auth::sasl
