#include "base/tls/client.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <cassert>

namespace toast::tls {
namespace {

// A 1024-bit key exchange is weak, and still better than what comes instead of it: clear text.
constexpr const char* kOpportunisticCiphers = "DEFAULT:!aNULL:@SECLEVEL=1";

tl::unexpected<Error> openssl_error(const char* doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return permanent(std::string("OpenSSL: ") + doing + ": " +
                   (reason == nullptr ? "no reason given" : reason));
}

}  // namespace

bool wants_certificate(Policy policy) {
  switch (policy) {
    case Policy::off:
    case Policy::opportunistic:
      return false;
  }
  return true;
}

void prepare() {
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                       OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS |
                       OPENSSL_INIT_LOAD_CONFIG,
                   nullptr);
  unsigned char seeded = 0;
  RAND_bytes(&seeded, sizeof seeded);
  ContextHandle warm(SSL_CTX_new(TLS_method()));  // fetches what a handshake will use
}

Result<std::unique_ptr<Client>> Client::make(const Clock& clock) {
  ERR_clear_error();
  ContextHandle context(SSL_CTX_new(TLS_client_method()));
  if (!context) return openssl_error("new context");
  SSL_CTX* c = context.get();
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS);
  // A server that cannot renegotiate safely is none the worse for us: we never renegotiate.
  SSL_CTX_set_options(
      c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_LEGACY_SERVER_CONNECT);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // sessions.h has them
  if (SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1)
    return openssl_error("protocol versions");
  if (SSL_CTX_set_cipher_list(c, kOpportunisticCiphers) != 1) return openssl_error("cipher list");
  return std::unique_ptr<Client>(new Client(std::move(context), clock));
}

std::unique_ptr<Engine> Client::begin(Policy policy, const Peer& peer) {
  assert(policy != Policy::off);
  SslHandle ssl(SSL_new(context_.get()));
  if (!ssl) return nullptr;
  SSL_set_connect_state(ssl.get());
  SSL_set_verify(ssl.get(), wants_certificate(policy) ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!peer.server_name.empty()) SSL_set_tlsext_host_name(ssl.get(), peer.server_name.c_str());
  return std::make_unique<Engine>(std::move(ssl), SessionSlot{sessions_, peer.session_key});
}

}  // namespace toast::tls
