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
  verified,       // only with a certificate for the host's name, by an authority this system trusts
};

struct Peer {
  std::string server_name;   // for SNI (RFC 6066 section 3): a host name; empty: there is none
  std::string session_key;   // connections with the same key may resume each other's session
  std::string address = {};  // where there is no name: what a certificate must be for
};

// Debian's collection of trusted authorities, kept by the package ca-certificates.
inline constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

// Reads OpenSSL's configuration, starts its providers and its random generator. To be called before
// files are out of reach; nothing later needs one.
void prepare();
// The certificates (PEM) of whom this system trusts; empty if it has none. To be called as early.
std::string read_system_authorities();

class Client {
 public:
  // `clock` outlives the client and its engines. `authorities` in PEM, for Policy::verified: parsed
  // when the first such handshake begins, as few servers have one and the parsed form takes
  // megabytes.
  [[nodiscard]] static Result<std::unique_ptr<Client>> make(const Clock& clock,
                                                            std::string authorities);
  // Ready for its handshake. Errors are transient. Never for Policy::off.
  Result<std::unique_ptr<Engine>> begin(Policy policy, const Peer& peer);
  const Sessions& sessions() const { return *sessions_; }

 private:
  Client(ContextHandle context, const Clock& clock, std::string authorities)
      : context_(std::move(context)),
        authorities_(std::move(authorities)),
        sessions_(std::make_shared<Sessions>(clock)) {}
  Result<void> trust_authorities();

  ContextHandle context_;
  std::string authorities_;  // empty once the context has them
  bool trusting_ = false;
  std::shared_ptr<Sessions> sessions_;
};

}  // namespace toast::tls
