// One SASL mechanism (RFC 4422) as the server sees it: what the client said goes in, what is to be
// done next comes out. Pure: no database, no clock, no socket; what it needs to know of the
// credentials it asks for by a step, and the caller (auth/sasl_exchanges.h) finds it out.
//
// What it trusts: nothing. Messages are the client's bytes, base64 taken off, of any length.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "auth/md5_proof.h"
#include "auth/scram_verifier.h"
#include "base/secret.h"

namespace toast::auth::sasl {

// Say this to the client; what it answers is for hear().
struct Challenge {
  std::string text;
};
// Is this the password of this name? The answer ends the exchange. All within the limits of
// auth/service.h, and neither name nor password is empty.
struct CheckPassword {
  std::string authorization;  // who to act as (RFC 4422 section 2); empty: who logs in
  std::string login;
  Secret password;
};
// What SCRAM needs of this name's password, or an invention where there is none; for found().
struct FindVerifier {
  std::string login;
};
// The client has proved that it has the password, or has not. May it come in? Then `server_final`
// is said to it, and an empty message of its ends the exchange.
struct CheckProof {
  std::string authorization;
  std::string login;
  bool right = false;
  std::string server_final;
};
// Does this digest show that the client has the password of this name? The answer ends the
// exchange.
struct CheckDigest {
  std::string login;
  Md5Proof proof;
};
// To be answered as a wrong password is: the exchange is not what it seems. Ends it.
struct Refused {
  std::string_view reason;  // for the log
};
// Not what the mechanism calls for. Ends the exchange.
struct Malformed {
  std::string_view reason;  // for the log
};
using Step = std::variant<Challenge, CheckPassword, FindVerifier, CheckProof, CheckDigest, Refused,
                          Malformed>;

class Mechanism {
 public:
  virtual ~Mechanism() = default;
  // The client has named the mechanism and sent no initial response.
  virtual Step begin() = 0;
  // The client's next message, its initial response included.
  virtual Step hear(std::string_view message) = 0;
  // After FindVerifier.
  virtual Step found(ScramVerifier verifier);
};

}  // namespace toast::auth::sasl
