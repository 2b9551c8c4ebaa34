// TLS for the sessions of one process: the certificates that keyd has given, signatures by keyd.
#pragma once

#include <memory>

#include "auth/keyd/key_client.h"
#include "base/tls/server.h"
#include "mta/smtp/socket_wire.h"
#include "mta/smtpd/services.h"

namespace toast::smtpd {

class KeydTls final : public TlsService {
 public:
  // Both outlive it.
  KeydTls(tls::Server& server, keyd::KeyClient& keys) : server_(server), keys_(keys) {}
  bool is_offered() const override { return server_.has_certificate(); }
  bool is_ready() const override { return keys_.is_ready(); }
  Task<TlsStart> start(std::unique_ptr<Wire> wire, tls::Floor floor) override;

 private:
  tls::Server& server_;
  keyd::KeyClient& keys_;
  std::shared_ptr<smtp::ReadBlock> block_ = std::make_shared<smtp::ReadBlock>();
};

}  // namespace toast::smtpd
