#include "tests/unit/tls/tls_server.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdlib>

namespace toast::tls {
namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

}  // namespace

TestServer::TestServer() : context_(SSL_CTX_new(TLS_server_method())) {
  require(context_ != nullptr);
  char curve[] = "P-256";
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve);
  X509* certificate = X509_new();
  require(key != nullptr && certificate != nullptr);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  const unsigned char name[] = "mx.test";
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  require(X509_sign(certificate, key, EVP_sha256()) > 0);
  require(SSL_CTX_use_certificate(context_, certificate) == 1);
  require(SSL_CTX_use_PrivateKey(context_, key) == 1);
  X509_free(certificate);
  EVP_PKEY_free(key);
  SSL_CTX_set_security_level(context_, 0);  // TLS 1.1 needs it
  SSL_CTX_set_tlsext_servername_arg(context_, this);
  SSL_CTX_set_tlsext_servername_callback(
      context_, +[](SSL* ssl, int*, void* self) {
        const char* asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        static_cast<TestServer*>(self)->asked_for_ = asked == nullptr ? "" : asked;
        return SSL_TLSEXT_ERR_OK;
      });
}

TestServer::~TestServer() { SSL_CTX_free(context_); }

void TestServer::speak_only(int version) {
  require(SSL_CTX_set_min_proto_version(context_, version) == 1);
  require(SSL_CTX_set_max_proto_version(context_, version) == 1);
}

std::unique_ptr<Engine> TestServer::begin() {
  asked_for_.clear();
  SslHandle ssl(SSL_new(context_));
  require(ssl != nullptr);
  SSL_set_accept_state(ssl.get());
  return std::make_unique<Engine>(std::move(ssl));
}

}  // namespace toast::tls
