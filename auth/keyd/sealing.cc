#include "auth/keyd/sealing.h"

#include <sodium.h>

#include <stdexcept>

#include "base/base64.h"
#include "base/fd.h"

namespace toast::keyd {
namespace {

constexpr std::size_t kMaxSealingFile = 256;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

SealingKey::SealingKey(Secret secret)
    : secret_(std::move(secret)), public_bytes_(crypto_box_PUBLICKEYBYTES, '\0') {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start");
  crypto_scalarmult_base(bytes_of(public_bytes_), secret_.data());
  public_key_ = base64_encode(public_bytes_);
}

SealingKey SealingKey::make(Random& random) {
  return SealingKey(Secret::random(random, crypto_box_SECRETKEYBYTES));
}

Result<SealingKey> SealingKey::parse(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  std::optional<Secret> secret = base64_decode(text);
  if (!secret || secret->size() != crypto_box_SECRETKEYBYTES)
    return permanent("it holds no key: 44 characters of base64");
  return SealingKey(std::move(*secret));
}

Secret SealingKey::text() const {
  std::string text = base64_encode(secret_.view()) + "\n";
  return Secret::take(text);
}

std::string SealingKey::seal(const Secret& secret) const {
  std::string sealed(secret.size() + crypto_box_SEALBYTES, '\0');
  crypto_box_seal(bytes_of(sealed), secret.data(), secret.size(),
                  bytes_of(std::string_view(public_bytes_)));
  return base64_encode(sealed);
}

Result<Secret> SealingKey::open(std::string_view sealed) const {
  const std::optional<Secret> box = base64_decode(sealed);
  if (!box || box->size() <= crypto_box_SEALBYTES)
    return permanent("its sealed private key is damaged");
  std::string opened(box->size() - crypto_box_SEALBYTES, '\0');
  if (crypto_box_seal_open(bytes_of(opened), box->data(), box->size(),
                           bytes_of(std::string_view(public_bytes_)), secret_.data()) != 0)
    return permanent("its private key is damaged, or sealed for another key than tls/" +
                     std::string(kSealingFile));
  return Secret::take(opened);
}

Result<SealingKey> read_sealing_key(const std::string& tls_folder) {
  const std::string path = tls_folder + "/" + std::string(kSealingFile);
  Result<std::string> text = read_file(path, kMaxSealingFile);
  if (!text) return pass(text);
  const Secret secret = Secret::take(*text);
  Result<SealingKey> key = SealingKey::parse(secret.view());
  if (!key) return pass(key, path);
  return key;
}

std::string content_fingerprint(std::string_view bytes) {
  std::string digest(crypto_generichash_BYTES, '\0');
  crypto_generichash(bytes_of(digest), digest.size(), bytes_of(bytes), bytes.size(), nullptr, 0);
  return digest;
}

}  // namespace toast::keyd
