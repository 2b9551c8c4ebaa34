// The other end for tests of TLS: a server with a key and a certificate made for the occasion, for
// mx1.test, *.wild.test and 192.0.2.1.
#pragma once

#include <memory>

#include "base/tls/engine.h"

struct ssl_ctx_st;

namespace toast::tls {

class TestServer {
 public:
  // Good from a minute ago until `seconds_left` from now.
  explicit TestServer(long seconds_left = 3600);
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  std::unique_ptr<Engine> begin();
  // One version only: 0x0303 is TLS 1.2, 0x0302 is TLS 1.1.
  void speak_only(int version);
  // The name that the client of the last handshake asked for; "" none.
  const std::string& asked_for() const { return asked_for_; }
  // PEM: it is its own authority.
  const std::string& certificate() const { return certificate_; }

 private:
  ssl_ctx_st* context_;
  std::string asked_for_;
  std::string certificate_;
};

}  // namespace toast::tls
