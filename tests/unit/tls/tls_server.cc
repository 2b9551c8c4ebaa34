#include "tests/unit/tls/tls_server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdlib>

namespace toast::tls {
namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

std::string pem_of(X509* certificate) {
  BIO* memory = BIO_new(BIO_s_mem());
  require(memory != nullptr && PEM_write_bio_X509(memory, certificate) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(memory, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

}  // namespace

TestServer::TestServer(long seconds_left) : context_(SSL_CTX_new(TLS_server_method())) {
  require(context_ != nullptr);
  char curve[] = "P-256";
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve);
  X509* certificate = X509_new();
  require(key != nullptr && certificate != nullptr);
  X509_set_version(certificate, X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds_left);
  X509_set_pubkey(certificate, key);
  static int number = 0;  // an authority is found by its name
  const std::string name = "authority " + std::to_string(++number);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                              "DNS:mx1.test,DNS:*.wild.test,IP:192.0.2.1");
  require(names != nullptr && X509_add_ext(certificate, names, -1) == 1);
  X509_EXTENSION_free(names);
  require(X509_sign(certificate, key, EVP_sha256()) > 0);
  require(SSL_CTX_use_certificate(context_, certificate) == 1);
  require(SSL_CTX_use_PrivateKey(context_, key) == 1);
  certificate_ = pem_of(certificate);
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
