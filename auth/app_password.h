// App passwords: one for each program of an account's owner, so that a lost telephone costs one of
// them and not the account's own. They are made here and never chosen, 115 bits each, so a plain
// digest is all that need be kept: there is nothing to guess, and checking one costs no argon2id.
//
//   7k2qm-0dwha-x9f4t-r3scz-51bnp     25 letters of Crockford's base32, the last two a checksum
//
// They are known by their shape. A password of another shape (all that people choose) is never
// looked up here; one of this shape that is not found is then checked like any other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "auth/credentials_repository.h"
#include "auth/service.h"
#include "base/random.h"
#include "base/secret.h"

namespace toast::auth {

inline constexpr std::size_t kAppPasswordRandom = 23;   // letters: 115 bits
inline constexpr std::size_t kAppPasswordLetters = 25;  // with the checksum

Secret make_app_password(Random& random);
// What is stored of it, "$app$1$..."; none: the text has not the shape. Groups may be written with
// dashes, spaces or nothing between them, letters in either case, o for 0, i and l for 1.
std::optional<std::string> app_password_hash(const Secret& password);

// Is `service` in the list? An empty one has them all. checkpassword is whoever reads mail with it:
// pop3 or imap.
bool is_for_service(std::string_view services, Service service);
// "pop3, smtp" as it is stored, "pop3,smtp". Permanent: what is no service.
[[nodiscard]] Result<std::string> parse_services(std::string_view text);

struct NewAppPassword {
  std::string name;
  std::string services;  // of parse_services()
};
// Makes and stores one. None: there is one of that name. Permanent, with a reply for whoever asked:
// a name nobody can read (control characters, over kMaxAppPasswordName), or kMaxAppPasswords are
// there already.
[[nodiscard]] Result<std::optional<Secret>> add_app_password(CredentialsRepository& credentials,
                                                             Random& random,
                                                             const std::string& account,
                                                             const NewAppPassword& wanted,
                                                             WallTime now);

}  // namespace toast::auth
