// CRAM-MD5 (RFC 2195): the server says a challenge, the client its name and HMAC-MD5 of that
// challenge under the password.
#pragma once

#include <string>

#include "auth/sasl/mechanism.h"

namespace toast::auth::sasl {

class CramMd5 final : public Mechanism {
 public:
  // `challenge`: never used before (auth/stamp.h).
  explicit CramMd5(std::string challenge) : challenge_(std::move(challenge)) {}
  Step begin() override {
    begun_ = true;
    return Challenge{challenge_};
  }
  // An initial response is malformed: nobody can answer what has not been said.
  Step hear(std::string_view message) override;

 private:
  std::string challenge_;
  bool begun_ = false;
};

}  // namespace toast::auth::sasl
