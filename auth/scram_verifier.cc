#include "auth/scram_verifier.h"

#include <sodium.h>

#include <array>
#include <charconv>

#include "base/base64.h"

namespace toast::auth {
namespace {

constexpr std::string_view kScheme = "SCRAM-SHA-256";

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// One block of RFC 8018 section 5.2. HMAC's key is worked in once and its state copied for each
// turn, which saves half the work.
std::string pbkdf2(std::string_view password, std::string_view salt, std::uint32_t iterations) {
  crypto_auth_hmacsha256_state keyed;
  crypto_auth_hmacsha256_init(&keyed, octets(password), password.size());
  crypto_auth_hmacsha256_state state = keyed;
  std::array<unsigned char, kScramKeyBytes> turn{};
  constexpr std::array<unsigned char, 4> kFirstBlock{0, 0, 0, 1};
  crypto_auth_hmacsha256_update(&state, octets(salt), salt.size());
  crypto_auth_hmacsha256_update(&state, kFirstBlock.data(), kFirstBlock.size());
  crypto_auth_hmacsha256_final(&state, turn.data());
  std::string sum(reinterpret_cast<const char*>(turn.data()), turn.size());
  for (std::uint32_t i = 1; i < iterations; ++i) {
    state = keyed;
    crypto_auth_hmacsha256_update(&state, turn.data(), turn.size());
    crypto_auth_hmacsha256_final(&state, turn.data());
    for (std::size_t at = 0; at < sum.size(); ++at)
      sum[at] = static_cast<char>(static_cast<unsigned char>(sum[at]) ^ turn[at]);
  }
  sodium_memzero(&keyed, sizeof keyed);
  sodium_memzero(&state, sizeof state);
  sodium_memzero(turn.data(), turn.size());
  return sum;
}

// RFC 5802 section 3. `salted` is wiped.
ScramVerifier verifier_of(std::string& salted, std::string salt, std::uint32_t iterations) {
  ScramVerifier verifier;
  verifier.iterations = iterations;
  verifier.salt = std::move(salt);
  std::string client_key = scram::hmac(salted, "Client Key");
  std::string stored = scram::sha256(client_key);
  std::string server = scram::hmac(salted, "Server Key");
  verifier.stored_key = Secret::take(stored);
  verifier.server_key = Secret::take(server);
  wipe(client_key);
  wipe(salted);
  return verifier;
}

std::string digest_of_hash(std::string_view hash) { return base64_encode(scram::sha256(hash)); }

// `text` up to `end`, and what follows it; none: there is no `end`.
std::optional<std::string_view> cut(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view field = text.substr(0, at);
  text.remove_prefix(at + 1);
  return field;
}

}  // namespace

namespace scram {

std::string sha256(std::string_view text) {
  std::string digest(kScramKeyBytes, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(digest.data()), octets(text), text.size());
  return digest;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::string mac(kScramKeyBytes, '\0');
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, octets(key), key.size());
  crypto_auth_hmacsha256_update(&state, octets(text), text.size());
  crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(mac.data()));
  sodium_memzero(&state, sizeof state);
  return mac;
}

}  // namespace scram

ScramVerifier make_scram_verifier(const Secret& prepared, std::string salt,
                                  std::uint32_t iterations) {
  std::string salted = pbkdf2(prepared.view(), salt, iterations);
  return verifier_of(salted, std::move(salt), iterations);
}

std::string scram_text(const ScramVerifier& verifier, std::string_view hash) {
  return std::string(kScheme) + "$" + std::to_string(verifier.iterations) + ":" +
         base64_encode(verifier.salt) + "$" + base64_encode(verifier.stored_key.view()) + ":" +
         base64_encode(verifier.server_key.view()) + "$" + digest_of_hash(hash);
}

std::optional<ScramVerifier> parse_scram_text(std::string_view text, std::string_view hash) {
  if (cut(text, '$') != kScheme) return std::nullopt;
  const std::optional<std::string_view> iterations = cut(text, ':');
  const std::optional<std::string_view> salt = cut(text, '$');
  const std::optional<std::string_view> stored = cut(text, ':');
  const std::optional<std::string_view> server = cut(text, '$');
  if (!server || text != digest_of_hash(hash)) return std::nullopt;
  ScramVerifier verifier;
  const char* end = iterations->data() + iterations->size();
  const auto [rest, failed] = std::from_chars(iterations->data(), end, verifier.iterations);
  const bool counted = failed == std::errc() && rest == end &&
                       verifier.iterations >= kMinScramIterations &&
                       verifier.iterations <= kMaxScramIterations;
  std::optional<Secret> salt_bytes = base64_decode(*salt);
  std::optional<Secret> stored_key = base64_decode(*stored);
  std::optional<Secret> server_key = base64_decode(*server);
  if (!counted || !salt_bytes || salt_bytes->empty() || !stored_key || !server_key ||
      stored_key->size() != kScramKeyBytes || server_key->size() != kScramKeyBytes)
    return std::nullopt;
  verifier.salt = std::string(salt_bytes->view());
  verifier.stored_key = std::move(*stored_key);
  verifier.server_key = std::move(*server_key);
  return verifier;
}

ScramVerifier invented_scram_verifier(const Secret& key, std::string_view name) {
  const std::string seed = scram::hmac(key.view(), name);
  std::string salted = scram::hmac(key.view(), "keys of " + seed);
  return verifier_of(salted, seed.substr(0, kScramSaltBytes), kScramIterations);
}

}  // namespace toast::auth
