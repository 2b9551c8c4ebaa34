// The checkpassword interface (cr.yp.to/checkpwd/interface.html), without its system calls: what
// stands on descriptor 3, and what the program that is run afterwards is told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "auth/service.h"
#include "base/secret.h"

namespace toast::compat {

inline constexpr int kCheckpasswordInput = 3;
inline constexpr std::size_t kMaxCheckpasswordInput = 512;

enum class CheckpasswordExit : int {
  unacceptable = 1,
  misused = 2,
  temporary = 111,
};

struct CheckpasswordInput {
  std::string login;
  Secret password;
};
// login NUL password NUL timestamp NUL; the timestamp is passed over, it is APOP's.
[[nodiscard]] tl::expected<CheckpasswordInput, CheckpasswordExit> parse_checkpassword(
    std::string_view bytes);

// Of the caller's SERVICE, as Dovecot sets it: "imap", "pop3", "smtp", "submission". Another one,
// or none: whatever reads mail.
auth::Service checked_service(std::string_view name);

struct CheckedAccount {
  std::string mailbox;            // "ann@example.org"
  std::string maildir;            // absolute
  std::string home;               // the folder that it is in
  std::uint64_t quota_bytes = 0;  // 0: no limit, as with quota_messages
  std::uint64_t quota_messages = 0;
};
// `root`: of the instance, without a slash at its end.
CheckedAccount checked_account(const std::string& root, const std::string& mailbox,
                               const std::string& maildir);
// In the order in which they are set: USER, HOME, SHELL as checkpassword has them; EXT, HOST and
// MAILDIR as programs for virtual domains do; EXTRA and userdb_ for Dovecot (quota_rule as its
// quota plugin has it).
std::vector<std::pair<std::string, std::string>> checkpassword_environment(
    const CheckedAccount& account, unsigned uid, unsigned gid);

}  // namespace toast::compat
