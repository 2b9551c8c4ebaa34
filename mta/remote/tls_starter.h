// From clear text to TLS, for a connection whose host has agreed to it.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/async.h"
#include "base/result.h"
#include "base/tls/client.h"
#include "mta/smtp/socket_wire.h"

namespace toast::remote {

// A handshake is four packets and some arithmetic: who needs longer will not end it.
inline constexpr std::chrono::seconds kHandshakeTime{60};
// A host whose TLS has failed is spoken to in clear text for so long, without another attempt.
inline constexpr std::chrono::hours kWithoutTlsTime{1};

struct SecureWire {
  std::unique_ptr<smtp::Wire> wire;
  std::string protocol;  // "TLSv1.3"
  std::string cipher;    // "TLS_AES_256_GCM_SHA384"
  bool resumed = false;
};

class TlsStarter {
 public:
  virtual ~TlsStarter() = default;
  // The handshake, within the wire's deadline. Errors are transient, their detail says why; the
  // wire is then closed.
  virtual Task<Result<SecureWire>> start(std::unique_ptr<smtp::Wire> wire, tls::Policy policy,
                                         tls::Peer peer) = 0;
};

class OpenSslStarter final : public TlsStarter {
 public:
  explicit OpenSslStarter(std::unique_ptr<tls::Client> client) : client_(std::move(client)) {}
  Task<Result<SecureWire>> start(std::unique_ptr<smtp::Wire> wire, tls::Policy policy,
                                 tls::Peer peer) override;

 private:
  std::unique_ptr<tls::Client> client_;
  std::shared_ptr<smtp::ReadBlock> block_ = std::make_shared<smtp::ReadBlock>();
};

}  // namespace toast::remote
