#include "base/tls/certificate.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>

namespace toast::tls {
namespace {

template <auto Function>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Function(object);
  }
};
using BioHandle = std::unique_ptr<BIO, FreeWith<BIO_free>>;
using X509Handle = std::unique_ptr<X509, FreeWith<X509_free>>;
using DigestHandle = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;  // a larger one takes a tenth of a second for each handshake
constexpr std::chrono::hours kSelfSignedLife{24 * 3650};
constexpr std::chrono::hours kClockSlack{24};

BioHandle bio_over(std::string_view bytes) {
  return BioHandle(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

std::string take_text(const BioHandle& bio) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &start);
  return size > 0 ? std::string(start, static_cast<std::size_t>(size)) : std::string();
}

// Encoders of OpenSSL: size with a null pointer, then the bytes.
template <class Object, class Encode>
std::string to_der(Object* object, Encode encode) {
  const int size = encode(object, nullptr);
  if (size <= 0) return {};
  std::string out(static_cast<std::size_t>(size), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  encode(object, &at);
  return out;
}

std::string sha256(std::string_view bytes) {
  std::string digest(32, '\0');
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  return digest;
}

std::string name_text(const X509_NAME* name) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  return take_text(bio);
}

WallTime to_wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return WallTime(std::chrono::seconds(::timegm(&parts)));
}

// "EC P-256"; or what is wrong with it.
Result<std::string> describe_key(const EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    if (bits < kMinRsaBits || bits > kMaxRsaBits)
      return permanent(fmt::format("an RSA key of {} bits; this server takes {} to {}", bits,
                                   kMinRsaBits, kMaxRsaBits));
    return fmt::format("RSA {}", bits);
  }
  std::array<char, 64> group{};
  if (EVP_PKEY_is_a(key, "EC") == 1 &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1) {
    const std::string_view name(group.data());
    if (name == "prime256v1" || name == "P-256") return std::string("EC P-256");
    if (name == "secp384r1" || name == "P-384") return std::string("EC P-384");
    return permanent(fmt::format("an EC key on the curve {}; use P-256 or P-384", name));
  }
  return permanent("a key that is neither RSA nor EC; use P-256 (certbot --key-type ecdsa)");
}

std::vector<std::string> host_names(const X509* certificate) {
  std::vector<std::string> names;
  auto* all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* one = sk_GENERAL_NAME_value(all, i);
    if (one->type != GEN_DNS) continue;
    const unsigned char* text = ASN1_STRING_get0_data(one->d.dNSName);
    std::string name(reinterpret_cast<const char*>(text),
                     static_cast<std::size_t>(ASN1_STRING_length(one->d.dNSName)));
    const bool plain = !name.empty() && name.size() <= 255 &&
                       std::all_of(name.begin(), name.end(), [](unsigned char c) {
                         return c > 0x20 && c < 0x7f && c != '/';
                       });
    if (!plain) continue;
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (std::find(names.begin(), names.end(), name) == names.end())
      names.push_back(std::move(name));
  }
  GENERAL_NAMES_free(all);
  return names;
}

Result<std::vector<X509Handle>> read_chain(std::string_view pem) {
  const BioHandle bio = bio_over(pem);
  std::vector<X509Handle> chain;
  while (bio) {
    X509Handle one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) break;
    chain.push_back(std::move(one));
    if (chain.size() > kMaxChain)
      return permanent(fmt::format("more than {} certificates in one file", kMaxChain));
  }
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!chain.empty() && ended) return chain;
  if (chain.empty() && ended)
    return permanent("no certificate in it (a line -----BEGIN CERTIFICATE----- begins one)");
  return permanent(fmt::format("certificate {} in it is damaged", chain.size() + 1));
}

Result<void> check_order(const std::vector<X509Handle>& chain) {
  for (std::size_t i = 0; i + 1 < chain.size(); ++i) {
    if (X509_check_issued(chain[i + 1].get(), chain[i].get()) == X509_V_OK) continue;
    return permanent(
        fmt::format("the order of its certificates: number {} is not the issuer of number {} (the "
                    "host's own comes first, then its issuer, and so on)",
                    i + 2, i + 1));
  }
  return {};
}

// No prompt: a server has nobody to ask.
int no_passphrase(char*, int, int, void*) { return -1; }

struct Scheme {
  SignatureScheme scheme;
  const char* key;
  const char* digest;
  bool pss;
};
constexpr Scheme kSchemes[] = {
    {SignatureScheme::rsa_pkcs1_sha256, "RSA", "SHA2-256", false},
    {SignatureScheme::rsa_pkcs1_sha384, "RSA", "SHA2-384", false},
    {SignatureScheme::rsa_pkcs1_sha512, "RSA", "SHA2-512", false},
    {SignatureScheme::ecdsa_sha256, "EC", "SHA2-256", false},
    {SignatureScheme::ecdsa_sha384, "EC", "SHA2-384", false},
    {SignatureScheme::ecdsa_sha512, "EC", "SHA2-512", false},
    {SignatureScheme::rsa_pss_sha256, "RSA", "SHA2-256", true},
    {SignatureScheme::rsa_pss_sha384, "RSA", "SHA2-384", true},
    {SignatureScheme::rsa_pss_sha512, "RSA", "SHA2-512", true},
};

bool add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  const bool added = extension != nullptr && X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool fill_in(X509* certificate, EVP_PKEY* key, const std::string& host_name, WallTime now) {
  const auto unix_time = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch());
  const auto* text = reinterpret_cast<const unsigned char*>(host_name.c_str());
  BIGNUM* serial = BN_new();
  X509_NAME* subject = X509_get_subject_name(certificate);
  const bool filled =
      serial != nullptr && BN_rand(serial, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
      BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != nullptr &&
      X509_set_version(certificate, X509_VERSION_3) == 1 &&
      ASN1_TIME_set(X509_getm_notBefore(certificate),
                    (unix_time - std::chrono::seconds(kClockSlack)).count()) != nullptr &&
      ASN1_TIME_set(X509_getm_notAfter(certificate),
                    (unix_time + std::chrono::seconds(kSelfSignedLife)).count()) != nullptr &&
      X509_set_pubkey(certificate, key) == 1 &&
      // A common name has at most 64 characters; the name that counts is the alternative one.
      (host_name.size() > 64 ||
       X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1) &&
      X509_set_issuer_name(certificate, subject) == 1 &&
      add_extension(certificate, NID_subject_alt_name, "DNS:" + host_name) &&
      add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
      X509_sign(certificate, key, EVP_sha256()) > 0;
  BN_free(serial);
  return filled;
}

}  // namespace

Result<Certificate> parse_certificate(std::string_view pem) {
  Result<std::vector<X509Handle>> chain = read_chain(pem);
  if (!chain) return pass(chain);
  if (Result<void> ordered = check_order(*chain); !ordered) return pass(ordered);
  X509* own = chain->front().get();
  EVP_PKEY* key = X509_get0_pubkey(own);
  if (key == nullptr) return permanent("its public key cannot be read");
  Result<std::string> type = describe_key(key);
  if (!type) return pass(type);
  Certificate made;
  for (const X509Handle& one : *chain) made.chain.push_back(to_der(one.get(), i2d_X509));
  made.names = host_names(own);
  made.subject = name_text(X509_get_subject_name(own));
  made.issuer = name_text(X509_get_issuer_name(own));
  made.key_type = std::move(*type);
  made.public_key = to_der(key, i2d_PUBKEY);
  made.key_id = sha256(made.public_key);
  made.not_before = to_wall_time(X509_get0_notBefore(own));
  made.not_after = to_wall_time(X509_get0_notAfter(own));
  made.self_signed = X509_self_signed(own, 0) == 1;
  return made;
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  const BioHandle bio = bio_over(pem);
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) {
    const bool encrypted = pem.find("ENCRYPTED") != std::string_view::npos;
    return permanent(encrypted ? "it is encrypted with a passphrase, which a server cannot type"
                               : "no private key in it (a line -----BEGIN PRIVATE KEY----- begins "
                                 "one)");
  }
  Result<std::string> type = describe_key(key.get());
  if (!type) return pass(type);
  std::string id = sha256(to_der(key.get(), i2d_PUBKEY));
  return PrivateKey(std::move(key), std::move(id));
}

Result<std::string> PrivateKey::sign(SignatureScheme scheme, std::string_view text) const {
  const auto* known = std::find_if(std::begin(kSchemes), std::end(kSchemes),
                                   [&](const Scheme& one) { return one.scheme == scheme; });
  if (known == std::end(kSchemes)) return permanent("unknown signature scheme");
  if (EVP_PKEY_is_a(key_.get(), known->key) != 1)
    return permanent("signature scheme of another kind of key");
  const DigestHandle context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  if (!context || EVP_DigestSignInit_ex(context.get(), &options, known->digest, nullptr, nullptr,
                                        key_.get(), nullptr) != 1)
    return permanent("OpenSSL: cannot begin a signature");
  if (known->pss && (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1))
    return permanent("OpenSSL: cannot set the padding");
  if (EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) != 1)
    return permanent("OpenSSL: cannot sign");
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes, text.size()) != 1)
    return permanent("OpenSSL: cannot sign");
  signature.resize(size);
  return signature;
}

Result<PemPair> make_self_signed(const std::string& host_name, WallTime now) {
  char curve[] = "P-256";
  const KeyHandle key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", curve));
  const X509Handle certificate(X509_new());
  const BioHandle certificate_pem(BIO_new(BIO_s_mem()));
  const BioHandle key_pem(BIO_new(BIO_s_secmem()));
  const bool made = key && certificate && certificate_pem && key_pem &&
                    fill_in(certificate.get(), key.get(), host_name, now) &&
                    PEM_write_bio_X509(certificate_pem.get(), certificate.get()) == 1 &&
                    PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                             nullptr) == 1;
  if (!made) return permanent("OpenSSL could not make a certificate");
  return PemPair{take_text(certificate_pem), take_text(key_pem)};
}

}  // namespace toast::tls
