#include "auth/set_password.h"

#include <string_view>

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

Result<void> set_password(CredentialsRepository& credentials, const PasswordHasher& hasher,
                          const std::string& account, const Secret& password, WallTime now) {
  if (Result<void> good = check_password(password); !good) return good;
  Result<std::string> hash = hasher.hash(password);
  if (!hash) return pass(hash, account);
  return credentials.put(account, *hash, now);
}

}  // namespace toast::auth
