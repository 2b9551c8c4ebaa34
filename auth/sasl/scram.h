// SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the password crosses no wire, the
// client learns that the server knows its verifier, and with -PLUS both know that nobody sits
// between their two ends of TLS (tls-exporter, RFC 9266).
//
//   hear(client-first) -> FindVerifier -> found() -> server-first
//   hear(client-final) -> CheckProof -> accepted by the caller: it says server-final, the client
//   answers with an empty message (neither SMTP nor POP3 can carry it with their success)
#pragma once

#include <string>
#include <string_view>

#include "auth/sasl/mechanism.h"
#include "auth/scram_verifier.h"

namespace toast::auth::sasl {

// What of the connection matters.
struct ScramChannel {
  bool plus = false;    // the client chose -PLUS
  std::string binding;  // tls-exporter's bytes; empty: -PLUS was not offered
  std::string nonce;    // our half, from a random source: printable, no comma
};

// RFC 5802 sets no limit; programs send 18 to 32 random bytes in base64.
inline constexpr std::size_t kMaxScramNonce = 256;

class Scram final : public Mechanism {
 public:
  explicit Scram(ScramChannel channel) : channel_(std::move(channel)) {}
  Step begin() override { return Challenge{}; }
  Step hear(std::string_view message) override;
  Step found(ScramVerifier verifier) override;

 private:
  Step hear_first(std::string_view message);
  Step hear_final(std::string_view message);
  Step check_binding(std::string_view flag) const;

  enum class Next : unsigned char { first, verifier, final, nothing };
  ScramChannel channel_;
  Next next_ = Next::first;
  std::string gs2_header_;
  std::string authorization_;
  std::string login_;
  std::string client_first_bare_;
  std::string nonce_;  // both halves
  std::string server_first_;
  ScramVerifier verifier_;
};

}  // namespace toast::auth::sasl
