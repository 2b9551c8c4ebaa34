#include "mta/smtpd/tls_service.h"

#include "mta/smtp/tls_wire.h"

namespace toast::smtpd {

Task<TlsStart> KeydTls::start(std::unique_ptr<Wire> wire, tls::Floor floor) {
  TlsStart result;
  std::unique_ptr<tls::Engine> engine = server_.begin(floor);
  if (!engine) {
    result.wire = std::move(wire);
    result.failure = "out of memory";
    co_return result;
  }
  auto secure = std::make_unique<smtp::TlsWire>(std::move(wire), std::move(engine), block_);
  const Result<void> shaken = co_await secure->handshake(&keys_);
  if (!shaken) {
    result.failure = shaken.error().detail;
  } else {
    result.version = secure->engine().protocol();
    result.cipher = secure->engine().cipher();
    result.resumed = secure->engine().resumed();
    result.channel_binding = secure->engine().channel_binding();
  }
  result.wire = std::move(secure);
  co_return result;
}

}  // namespace toast::smtpd
