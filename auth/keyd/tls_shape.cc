#include "auth/keyd/tls_shape.h"

#include <algorithm>

namespace toast::keyd {
namespace {

constexpr std::size_t kPadding = 64;
constexpr std::string_view kServerContext = "TLS 1.3, server CertificateVerify";
constexpr std::size_t kRandoms = 32 + 32;
constexpr unsigned char kNamedCurve = 3;

struct Curve {
  unsigned number;  // RFC 8422 section 5.1.1
  std::size_t point_bytes;
};
constexpr Curve kCurves[] = {{23, 65}, {24, 97}, {25, 133}, {29, 32}, {30, 56}};

unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_pkcs1(tls::SignatureScheme scheme) {
  return scheme == tls::SignatureScheme::rsa_pkcs1_sha256 ||
         scheme == tls::SignatureScheme::rsa_pkcs1_sha384 ||
         scheme == tls::SignatureScheme::rsa_pkcs1_sha512;
}

// 64 spaces, the context, a zero, the hash of the handshake so far (SHA-256 or SHA-384).
bool is_certificate_verify(std::string_view text) {
  constexpr std::size_t kBefore = kPadding + kServerContext.size() + 1;
  if (text.size() != kBefore + 32 && text.size() != kBefore + 48) return false;
  const std::string_view padding = text.substr(0, kPadding);
  return std::all_of(padding.begin(), padding.end(), [](char c) { return c == ' '; }) &&
         text.substr(kPadding, kServerContext.size()) == kServerContext &&
         text[kBefore - 1] == '\0';
}

// Both randoms, then: named curve, which, a length, the server's point.
bool is_key_exchange(std::string_view text) {
  if (text.size() < kRandoms + 4 || byte_at(text, kRandoms) != kNamedCurve) return false;
  const unsigned number = 256U * byte_at(text, kRandoms + 1) + byte_at(text, kRandoms + 2);
  const std::size_t length = byte_at(text, kRandoms + 3);
  if (text.size() != kRandoms + 4 + length) return false;
  return std::any_of(std::begin(kCurves), std::end(kCurves), [&](const Curve& curve) {
    return curve.number == number && curve.point_bytes == length;
  });
}

}  // namespace

bool is_tls_handshake(std::string_view text, tls::SignatureScheme scheme) {
  if (is_certificate_verify(text)) return !is_pkcs1(scheme);  // RFC 8446 section 4.2.3
  return is_key_exchange(text);
}

}  // namespace toast::keyd
