// What SCRAM-SHA-256 needs of a password (RFC 5802 section 3, RFC 7677): neither the password nor
// anything that lets whoever reads it log in by SCRAM. As text, in RFC 5803's manner:
//
//   SCRAM-SHA-256$40000:SALT$STOREDKEY:SERVERKEY$HASH
//
// The last field is a digest of the hash that stands beside it: a verifier counts only there. A
// program of an earlier schema changes the hash and knows nothing of the verifier, and the old
// password must not go on working.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kScramKeyBytes = 32;   // SHA-256
inline constexpr std::size_t kScramSaltBytes = 16;  // RFC 5802 names no length; 128 bits are unique
// RFC 7677 section 4 asks for 4096 at least. The client pays for them at every login, here they are
// paid when a password is set: some 15 ms.
inline constexpr std::uint32_t kScramIterations = 40'000;
// A stored verifier of another program: RFC 7677's least, and what no client would wait for.
inline constexpr std::uint32_t kMinScramIterations = 4096;
inline constexpr std::uint32_t kMaxScramIterations = 10'000'000;

struct ScramVerifier {
  std::uint32_t iterations = kScramIterations;
  std::string salt;
  Secret stored_key;
  Secret server_key;
};

// Blocks for the iterations. `prepared`: the password as saslprep leaves it.
ScramVerifier make_scram_verifier(const Secret& prepared, std::string salt,
                                  std::uint32_t iterations = kScramIterations);
std::string scram_text(const ScramVerifier& verifier, std::string_view hash);
// None: not such a text, or made for another hash.
std::optional<ScramVerifier> parse_scram_text(std::string_view text, std::string_view hash);

// For names that have none: the same at every login, and not to be told from a real one.
ScramVerifier invented_scram_verifier(const Secret& key, std::string_view name);

// The pieces of RFC 5802 section 3, for the mechanism and the tests.
namespace scram {
std::string sha256(std::string_view text);
std::string hmac(std::string_view key, std::string_view text);
}  // namespace scram

}  // namespace toast::auth
