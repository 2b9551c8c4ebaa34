// TLS for POP3, as sessions and connections see it. The real one has its certificates and
// signatures from keyd; tests have fakes.
#pragma once

#include <memory>

#include "auth/keyd/key_client.h"
#include "base/tls/server.h"

namespace toast::pop3 {

class TlsService {
 public:
  virtual ~TlsService() = default;
  virtual bool is_offered() const = 0;  // there is a certificate
  virtual bool is_ready() const = 0;    // and somebody who has its key
  // Ready for its handshake. Null: out of memory.
  virtual std::unique_ptr<tls::Engine> begin() = 0;
  virtual tls::Signer& signer() = 0;
};

class KeydTls final : public TlsService {
 public:
  // Both outlive it.
  KeydTls(tls::Server& server, keyd::KeyClient& keys) : server_(server), keys_(keys) {}
  void set_floor(tls::Floor floor) { floor_ = floor; }
  bool is_offered() const override { return server_.has_certificate(); }
  bool is_ready() const override { return keys_.is_ready(); }
  std::unique_ptr<tls::Engine> begin() override { return server_.begin(floor_); }
  tls::Signer& signer() override { return keys_; }

 private:
  tls::Server& server_;
  keyd::KeyClient& keys_;
  tls::Floor floor_ = tls::Floor::tls12;
};

}  // namespace toast::pop3
