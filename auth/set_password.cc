#include "auth/set_password.h"

#include <string_view>

#include "auth/saslprep/saslprep.h"
#include "auth/scram_verifier.h"
#include "auth/service.h"

namespace toast::auth {

Result<void> check_password(const Secret& password) {
  if (password.empty()) return permanent("the password is empty", "5.7.8 the password is empty");
  if (password.size() > kMaxPassword) {
    const std::string text =
        "the password is longer than " + std::to_string(kMaxPassword) + " bytes";
    return permanent(text, "5.7.8 " + text);
  }
  constexpr std::string_view kUnsendable("\0\r\n", 3);
  if (password.view().find_first_of(kUnsendable) != std::string_view::npos) {
    const std::string text =
        "the password contains a line end or a NUL byte, which no client sends";
    return permanent(text, "5.7.8 " + text);
  }
  return {};
}

Result<NewCredential> make_credential(const PasswordHasher& hasher, const std::string& account,
                                      const Secret& password, Random* scram) {
  if (Result<void> good = check_password(password); !good) return pass(good);
  const Secret prepared = saslprep(password);
  Result<std::string> hash = hasher.hash(prepared);
  if (!hash) return pass(hash, account);
  NewCredential made{account, std::move(*hash)};
  if (scram == nullptr) return made;
  const ScramVerifier verifier = make_scram_verifier(prepared, scram->bytes(kScramSaltBytes));
  made.scram = scram_text(verifier, made.hash);
  return made;
}

Result<void> set_password(CredentialsRepository& credentials, const PasswordHasher& hasher,
                          const std::string& account, const Secret& password, WallTime now,
                          Random* scram) {
  Result<NewCredential> made = make_credential(hasher, account, password, scram);
  if (!made) return pass(made);
  return credentials.put_all({&*made, 1}, now);
}

Result<bool> verify_password(const PasswordHasher& hasher, const std::string& stored,
                             const Secret& password) {
  const Secret prepared = saslprep(password);
  Result<bool> same = hasher.verify(stored, prepared);
  if (!same || *same || prepared == password) return same;
  return hasher.verify(stored, password);
}

}  // namespace toast::auth
