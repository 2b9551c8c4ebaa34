#include "auth/password_sealer.h"

#include <sodium.h>

#include <array>
#include <cassert>
#include <optional>
#include <utility>

#include "auth/digest.h"
#include "base/base64.h"
#include "base/codec.h"

namespace toast::auth {
namespace {

constexpr std::string_view kSealScheme = "$sealed$1$";
constexpr std::size_t kKeyIdBytes = 6;
constexpr std::size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
static_assert(kSealingKeyBytes == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kSealingKeyBytes == kDigestKeyBytes);

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Whose it is; each part is counted.
std::string seal_context(std::string_view account, std::string_view hash) {
  Encoder e;
  e.bytes(account);
  e.bytes(hash);
  return e.take();
}

}  // namespace

PasswordSealer::PasswordSealer(Secret key, Random& random) : key_(std::move(key)) {
  assert(key_.size() == kSealingKeyBytes);
  const Digest digest = keyed_digest(key_, {"name of the key"});
  const std::string_view id(reinterpret_cast<const char*>(digest.data()), kKeyIdBytes);
  prefix_ = std::string(kSealScheme) + base64_encode(id) + "$";
  decoy_ = seal({}, {}, Secret::random(random, kKeyIdBytes), random);
}

std::string PasswordSealer::seal(std::string_view account, std::string_view hash,
                                 const Secret& password, Random& random) const {
  assert(!password.empty());
  std::string text(password.view());
  reserve_wiping(text, text.size() + kSealedBlock);
  const std::size_t before = text.size();
  text.resize(before + kSealedBlock);
  std::size_t padded = 0;
  sodium_pad(&padded, reinterpret_cast<unsigned char*>(text.data()), before, kSealedBlock,
             text.size());
  const Secret plain(std::string_view(text).substr(0, padded));
  wipe(text);
  const std::string nonce = random.bytes(kNonceSize);
  const std::string context = seal_context(account, hash);
  std::string sealed = nonce;
  sealed.resize(kNonceSize + plain.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      reinterpret_cast<unsigned char*>(sealed.data()) + kNonceSize, nullptr, plain.data(),
      plain.size(), bytes_of(context), context.size(), nullptr, bytes_of(nonce), key_.data());
  return prefix_ + base64_encode(sealed);
}

bool PasswordSealer::decrypt(std::string_view account, std::string_view hash, std::string_view text,
                             Secret& password) const {
  const std::optional<Secret> sealed = base64_decode(text);
  if (!sealed || sealed->size() < kNonceSize + kTagSize + kSealedBlock) return false;
  const std::string context = seal_context(account, hash);
  std::string plain(sealed->size() - kNonceSize - kTagSize, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(plain.data());
  std::size_t size = 0;
  const bool opened =
      crypto_aead_xchacha20poly1305_ietf_decrypt(
          out, nullptr, nullptr, sealed->data() + kNonceSize, sealed->size() - kNonceSize,
          bytes_of(context), context.size(), sealed->data(), key_.data()) == 0 &&
      sodium_unpad(&size, out, plain.size(), kSealedBlock) == 0;
  if (opened) password = Secret(std::string_view(plain).substr(0, size));
  wipe(plain);
  return opened;
}

PasswordSealer::Opened PasswordSealer::open(std::string_view account, std::string_view hash,
                                            std::string_view sealed) const {
  Opened opened;
  if (sealed.starts_with(prefix_)) {
    sealed.remove_prefix(prefix_.size());
    opened.seal = decrypt(account, hash, sealed, opened.password) ? Seal::good : Seal::broken;
  } else if (!sealed.empty()) {
    opened.seal = sealed.starts_with(kSealScheme) ? Seal::other_key : Seal::broken;
  }
  if (opened.seal != Seal::good)
    decrypt({}, {}, std::string_view(decoy_).substr(prefix_.size()), opened.password);
  return opened;
}

}  // namespace toast::auth
