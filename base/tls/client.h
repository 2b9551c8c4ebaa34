// TLS towards other hosts: versions, ciphers, server name, and what is asked of a certificate.
// TLS 1.2 and 1.3 only, no compression, no renegotiation (RFC 9325, RFC 8996).
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/tls/engine.h"

namespace toast::tls {

enum class Policy : unsigned char {
  off,
  opportunistic,  // RFC 7435: better than clear text, whoever answers; clear text where it fails
};

// The certificate question, whole: does this policy look at what the host shows?
bool wants_certificate(Policy policy);

struct Peer {
  std::string server_name;  // for SNI (RFC 6066 section 3): a host name; empty: there is none
  std::string session_key;  // connections with the same key may resume each other's session
};

// Reads OpenSSL's configuration, starts its providers and its random generator. To be called before
// files are out of reach; nothing later needs one.
void prepare();

class Client {
 public:
  // `clock` outlives the client and its engines.
  [[nodiscard]] static Result<std::unique_ptr<Client>> make(const Clock& clock);
  // Ready for its handshake. Null: out of memory. Never for Policy::off.
  std::unique_ptr<Engine> begin(Policy policy, const Peer& peer);
  const Sessions& sessions() const { return *sessions_; }

 private:
  Client(ContextHandle context, const Clock& clock)
      : context_(std::move(context)), sessions_(std::make_shared<Sessions>(clock)) {}
  ContextHandle context_;
  std::shared_ptr<Sessions> sessions_;
};

}  // namespace toast::tls
