#include "base/tls/client.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cassert>

#include "base/fd.h"

namespace toast::tls {
namespace {

// A 1024-bit key exchange is weak, and still better than what comes instead of it: clear text.
constexpr const char* kOpportunisticCiphers = "DEFAULT:!aNULL:@SECLEVEL=1";
constexpr int kVerifiedLevel = 2;  // where clear text is no alternative: OpenSSL's own default
constexpr std::size_t kMaxAuthorities = 4UL * 1024 * 1024;  // Debian's are 220 kB

tl::unexpected<Error> openssl_error(const char* doing) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  return permanent(std::string("OpenSSL: ") + doing + ": " +
                   (reason == nullptr ? "no reason given" : reason));
}

// RFC 6125: the name we were told to call, not what the DNS made of it. A wildcard stands for a
// whole label.
bool expect_certificate_for(SSL* ssl, const Peer& peer) {
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (!peer.server_name.empty()) return SSL_set1_host(ssl, peer.server_name.c_str()) == 1;
  return !peer.address.empty() && X509_VERIFY_PARAM_set1_ip_asc(wanted, peer.address.c_str()) == 1;
}

}  // namespace

void prepare() {
  OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                       OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS |
                       OPENSSL_INIT_LOAD_CONFIG,
                   nullptr);
  unsigned char seeded = 0;
  RAND_bytes(&seeded, sizeof seeded);
  ContextHandle warm(SSL_CTX_new(TLS_method()));  // fetches what a handshake will use
}

std::string read_system_authorities() {
  const Result<Fd> file = open_file(kSystemAuthorities, O_RDONLY);
  if (!file) return {};
  return read_all(*file, kMaxAuthorities, kSystemAuthorities).value_or("");
}

Result<std::unique_ptr<Client>> Client::make(const Clock& clock, std::string authorities) {
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
  return std::unique_ptr<Client>(new Client(std::move(context), clock, std::move(authorities)));
}

Result<void> Client::trust_authorities() {
  if (trusting_) return {};
  const std::unique_ptr<BIO, decltype(&BIO_free)> pem(
      BIO_new_mem_buf(authorities_.data(), static_cast<int>(authorities_.size())), &BIO_free);
  X509_STORE* store = SSL_CTX_get_cert_store(context_.get());
  if (!pem) return transient("out of memory");
  while (X509* one = PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr)) {
    trusting_ |= X509_STORE_add_cert(store, one) == 1;
    X509_free(one);
  }
  ERR_clear_error();  // the end of the text is one
  if (!trusting_)
    return transient(std::string("no authority is known to check a certificate by: ") +
                     kSystemAuthorities + " was missing or empty when the program started");
  authorities_ = {};
  return {};
}

Result<std::unique_ptr<Engine>> Client::begin(Policy policy, const Peer& peer) {
  assert(policy != Policy::off);
  const bool verified = policy == Policy::verified;
  if (verified) {
    if (Result<void> known = trust_authorities(); !known) return pass(known);
  }
  SslHandle ssl(SSL_new(context_.get()));
  if (!ssl) return transient("out of memory");
  SSL_set_connect_state(ssl.get());
  if (verified) SSL_set_security_level(ssl.get(), kVerifiedLevel);
  SSL_set_verify(ssl.get(), verified ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!peer.server_name.empty()) SSL_set_tlsext_host_name(ssl.get(), peer.server_name.c_str());
  if (verified && !expect_certificate_for(ssl.get(), peer))
    return transient("no certificate can be for this host: it has neither name nor address");
  // A session that was begun without a look at the certificate must not pass for one with.
  SessionSlot slot{sessions_, (verified ? "verified " : "") + peer.session_key};
  return std::make_unique<Engine>(std::move(ssl), std::move(slot));
}

}  // namespace toast::tls
