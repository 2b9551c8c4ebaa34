// Private keys on their way through a database: sealed by whoever installs them (a sealed box of
// libsodium, which needs the public half only), opened by keyd alone. The key for that is a file in
// tls/, the same on all nodes of a cluster.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace toast::keyd {

inline constexpr std::string_view kSealingFile = "database.key";  // in tls/

class SealingKey {
 public:
  static SealingKey make(Random& random);
  // What text() gave.
  [[nodiscard]] static Result<SealingKey> parse(std::string_view text);
  Secret text() const;
  const std::string& public_key() const { return public_key_; }  // base64
  std::string seal(const Secret& secret) const;                  // base64
  // Permanent: damaged, or sealed for another key.
  [[nodiscard]] Result<Secret> open(std::string_view sealed) const;

 private:
  explicit SealingKey(Secret secret);
  Secret secret_;
  std::string public_bytes_;
  std::string public_key_;
};

// The instance's. Permanent where there is no such file.
[[nodiscard]] Result<SealingKey> read_sealing_key(const std::string& tls_folder);

// Of anything: the same text, the same content.
std::string content_fingerprint(std::string_view bytes);

}  // namespace toast::keyd
