// The client's half of SCRAM-SHA-256, for tests.
#pragma once

#include <string>

#include "auth/scram_verifier.h"
#include "base/base64.h"

namespace toast::auth {

struct ScramClient {
  std::string name = "ann";
  std::string password = "secret";
  std::string gs2_header = "n,,";
  std::string binding;  // beside the header in c=
  std::string nonce = "clientnonce";
  std::string auth_message;
  std::string server_key;

  std::string bare() const { return "n=" + name + ",r=" + nonce; }
  std::string first() const { return gs2_header + bare(); }
  static std::string field(const std::string& message, const std::string& name) {
    const std::size_t at = ("," + message).find("," + name + "=");
    if (at == std::string::npos) return {};
    const std::size_t from = at + name.size() + 1;
    return message.substr(from, message.find(',', from) - from);
  }
  // What it answers to server-first.
  std::string final(const std::string& server_first) {
    const std::string salt(base64_decode(field(server_first, "s"))->view());
    const auto iterations = static_cast<std::uint32_t>(std::stoul(field(server_first, "i")));
    ScramVerifier mine = make_scram_verifier(Secret(password), salt, iterations);
    // StoredKey is H(ClientKey); the client itself has ClientKey, from the same salted password.
    const std::string client_key = client_key_of(salt, iterations);
    const std::string without_proof =
        "c=" + base64_encode(gs2_header + binding) + ",r=" + field(server_first, "r");
    auth_message = bare() + "," + server_first + "," + without_proof;
    std::string proof = scram::hmac(mine.stored_key.view(), auth_message);
    for (std::size_t i = 0; i < proof.size(); ++i)
      proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    server_key = mine.server_key.view();
    return without_proof + ",p=" + base64_encode(proof);
  }
  std::string expected_server_final() const {
    return "v=" + base64_encode(scram::hmac(server_key, auth_message));
  }

 private:
  // Hi() of RFC 5802 section 2.2, written out.
  std::string client_key_of(const std::string& salt, std::uint32_t iterations) const {
    std::string turn = scram::hmac(password, salt + std::string("\0\0\0\1", 4));
    std::string sum = turn;
    for (std::uint32_t i = 1; i < iterations; ++i) {
      turn = scram::hmac(password, turn);
      for (std::size_t at = 0; at < sum.size(); ++at)
        sum[at] = static_cast<char>(sum[at] ^ turn[at]);
    }
    return scram::hmac(sum, "Client Key");
  }
};

}  // namespace toast::auth
