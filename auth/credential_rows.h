// What the repositories of credentials have in common whichever database they use: limits of what
// is put in, and how rows (sqlite::Statement or mariadb::Rows) become values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credentials_repository.h"

namespace toast::auth::rows {

// The label of an account's own password; others are app passwords.
inline constexpr std::string_view kOwn;

inline WallTime wall_from(std::int64_t us) { return WallTime{std::chrono::microseconds{us}}; }

[[nodiscard]] inline Result<void> check_account(const std::string& account) {
  if (account.empty()) return permanent("credentials: an account needs a name");
  if (account.size() > kMaxAccountBytes)
    return permanent("credentials: account name of " + std::to_string(account.size()) + " bytes");
  if (account.find('\0') != std::string::npos)
    return permanent("credentials: NUL in an account name");
  return {};
}

[[nodiscard]] inline Result<void> check_hash(const std::string& hash) {
  if (hash.empty() || hash.size() > kMaxHashBytes || hash.find('\0') != std::string::npos)
    return permanent("credentials: password hash of " + std::to_string(hash.size()) + " bytes");
  return {};
}

template <class Row>
[[nodiscard]] Result<std::optional<Credential>> credential(const Row& row) {
  Credential credential{row.string(0), CredentialState::locked, wall_from(row.integer(2))};
  if (credential.hash.size() > kMaxHashBytes)
    return transient("credentials: a stored hash is over " + std::to_string(kMaxHashBytes) +
                     " bytes");
  if (row.integer(1) == 0) credential.state = CredentialState::active;
  return std::optional<Credential>(std::move(credential));
}

// service, at_us, peer
template <class Row>
[[nodiscard]] Result<std::vector<LastLogin>> last_logins(const std::string& account, Row& row) {
  std::vector<LastLogin> logins;
  for (;;) {
    Result<bool> there = row.step();
    if (!there) return pass(there);
    if (!*there) return logins;
    // A service that only a later release knows is not for us to report.
    const std::optional<Service> service = parse_service(row.text(0));
    if (service) logins.push_back({account, *service, wall_from(row.integer(1)), row.string(2)});
  }
}

template <class Row>
[[nodiscard]] Result<std::vector<std::string>> names(Row& row) {
  std::vector<std::string> all;
  for (;;) {
    Result<bool> there = row.step();
    if (!there) return pass(there);
    if (!*there) return all;
    all.push_back(row.string(0));
  }
}

}  // namespace toast::auth::rows
