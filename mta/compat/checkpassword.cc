#include "mta/compat/checkpassword.h"

#include <optional>

namespace toast::compat {
namespace {

// Up to its NUL; none: there is no NUL.
std::optional<std::string_view> take_text(std::string_view& bytes) {
  const std::size_t end = bytes.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view text = bytes.substr(0, end);
  bytes.remove_prefix(end + 1);
  return text;
}

}  // namespace

tl::expected<CheckpasswordInput, CheckpasswordExit> parse_checkpassword(std::string_view bytes) {
  if (bytes.size() > kMaxCheckpasswordInput) return tl::unexpected(CheckpasswordExit::unacceptable);
  const std::optional<std::string_view> login = take_text(bytes);
  const std::optional<std::string_view> password = login ? take_text(bytes) : std::nullopt;
  if (!password) return tl::unexpected(CheckpasswordExit::misused);
  if (login->size() > auth::kMaxLoginName) return tl::unexpected(CheckpasswordExit::unacceptable);
  if (login->empty() || password->empty()) return tl::unexpected(CheckpasswordExit::unacceptable);
  return CheckpasswordInput{std::string(*login), Secret(*password)};
}

auth::Service checked_service(std::string_view name) {
  if (name == "imap") return auth::Service::imap;
  if (name == "pop3") return auth::Service::pop3;
  if (name == "smtp" || name == "submission") return auth::Service::smtp;
  return auth::Service::checkpassword;
}

CheckedAccount checked_account(const std::string& root, const std::string& mailbox,
                               const std::string& maildir) {
  CheckedAccount account;
  account.mailbox = mailbox;
  account.maildir = root + "/mail/" + maildir;
  account.home = account.maildir.substr(0, account.maildir.rfind('/'));
  return account;
}

std::vector<std::pair<std::string, std::string>> checkpassword_environment(
    const CheckedAccount& account, unsigned uid, unsigned gid) {
  const std::size_t at = account.mailbox.rfind('@');
  return {{"USER", account.mailbox},
          {"HOME", account.home},
          {"SHELL", "/bin/sh"},
          {"EXT", account.mailbox.substr(0, at)},
          {"HOST", at == std::string::npos ? std::string() : account.mailbox.substr(at + 1)},
          {"MAILDIR", account.maildir},
          {"userdb_uid", std::to_string(uid)},
          {"userdb_gid", std::to_string(gid)},
          {"userdb_mail", "maildir:" + account.maildir},
          {"userdb_quota_rule", "*:bytes=" + std::to_string(account.quota_bytes) +
                                    ":messages=" + std::to_string(account.quota_messages)},
          {"EXTRA", "userdb_uid userdb_gid userdb_mail userdb_quota_rule"}};
}

}  // namespace toast::compat
