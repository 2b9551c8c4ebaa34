#include "auth/md5_proof.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <new>

namespace toast::auth {
namespace {

using Digest128 = std::array<unsigned char, kMd5Digits / 2>;

std::string hex_of(const Digest128& digest) {
  std::string text(kMd5Digits + 1, '\0');  // sodium writes a NUL behind it
  sodium_bin2hex(text.data(), text.size(), digest.data(), digest.size());
  text.pop_back();
  return text;
}

bool make_hmac(OSSL_LIB_CTX* context, std::string_view challenge, const Secret& password,
               Digest128& digest) {
  std::size_t size = 0;
  return EVP_Q_mac(context, "HMAC", nullptr, "MD5", nullptr, password.data(), password.size(),
                   reinterpret_cast<const unsigned char*>(challenge.data()), challenge.size(),
                   digest.data(), digest.size(), &size) != nullptr &&
         size == digest.size();
}

bool make_digest(OSSL_LIB_CTX* context, std::string_view challenge, const Secret& password,
                 Digest128& digest) {
  std::string both;
  both.reserve(challenge.size() + password.size());
  both.append(challenge).append(password.view());
  const Secret text = Secret::take(both);
  std::size_t size = 0;
  return EVP_Q_digest(context, "MD5", nullptr, text.data(), text.size(), digest.data(), &size) ==
             1 &&
         size == digest.size();
}

}  // namespace

std::optional<std::string> md5_digits(std::string_view text) {
  if (text.size() != kMd5Digits) return std::nullopt;
  std::string digits(text);
  for (char& c : digits) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  }
  return digits;
}

Md5::Md5() : context_(OSSL_LIB_CTX_new()) {
  if (context_ == nullptr) throw std::bad_alloc();
}

Md5::~Md5() { OSSL_LIB_CTX_free(context_); }

Result<std::string> Md5::digest_of(Md5Proof::By by, std::string_view challenge,
                                   const Secret& password) const {
  Digest128 digest{};
  const bool made = by == Md5Proof::By::cram_md5
                        ? make_hmac(context_, challenge, password, digest)
                        : make_digest(context_, challenge, password, digest);
  if (!made) return transient("OpenSSL makes no MD5");
  return hex_of(digest);
}

Result<bool> Md5::proves(const Md5Proof& proof, const Secret& password) const {
  Result<std::string> expected = digest_of(proof.by, proof.challenge, password);
  if (!expected) return pass(expected);
  return Secret::take(*expected).equals(proof.digest);
}

}  // namespace toast::auth
