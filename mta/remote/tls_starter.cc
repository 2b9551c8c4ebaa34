#include "mta/remote/tls_starter.h"

#include "mta/smtp/tls_wire.h"

namespace toast::remote {

Task<Result<SecureWire>> OpenSslStarter::start(std::unique_ptr<smtp::Wire> wire, tls::Policy policy,
                                               tls::Peer peer) {
  Result<std::unique_ptr<tls::Engine>> engine = client_->begin(policy, peer);
  if (!engine) co_return pass(engine);
  auto secure = std::make_unique<smtp::TlsWire>(std::move(wire), std::move(*engine), block_);
  Result<void> shaken = co_await secure->handshake();
  if (!shaken) co_return pass(shaken);
  SecureWire made;
  made.protocol = secure->engine().protocol();
  made.cipher = secure->engine().cipher();
  made.resumed = secure->engine().resumed();
  made.wire = std::move(secure);
  co_return made;
}

}  // namespace toast::remote
