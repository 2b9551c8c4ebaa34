// What the repositories of credentials have in common whichever database they use: limits of what
// is put in, and how rows (sqlite::Statement or mariadb::Rows) become values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/credentials_repository.h"
#include "base/base64.h"

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

[[nodiscard]] inline Result<void> check_scram(const std::string& scram) {
  if (scram.empty() || scram.size() > kMaxScramBytes || scram.find('\0') != std::string::npos)
    return permanent("credentials: SCRAM verifier of " + std::to_string(scram.size()) + " bytes");
  return {};
}

[[nodiscard]] inline Result<void> check_sealed(const std::string& sealed) {
  if (sealed.empty() || sealed.size() > kMaxSealedBytes || sealed.find('\0') != std::string::npos)
    return permanent("credentials: sealed password of " + std::to_string(sealed.size()) + " bytes");
  return {};
}

[[nodiscard]] inline Result<void> check_new(const NewCredential& c) {
  if (Result<void> good = check_account(c.account); !good) return good;
  if (Result<void> good = check_hash(c.hash); !good) return good;
  return c.scram.empty() ? Result<void>{} : check_scram(c.scram);
}

[[nodiscard]] inline Result<void> check_app_password(const std::string& account,
                                                     const AppPassword& password) {
  if (Result<void> good = check_account(account); !good) return good;
  if (Result<void> good = check_hash(password.hash); !good) return good;
  if (password.name.empty() || password.name.size() > kMaxAppPasswordName ||
      password.name.find('\0') != std::string::npos)
    return permanent("credentials: app password with a name of " +
                     std::to_string(password.name.size()) + " bytes");
  return {};
}

// label, hash, services, state, changed_us, used_us, used_from
template <class Row>
AppPassword app_password(const Row& row) {
  AppPassword password{row.string(0), row.string(1), row.string(2), CredentialState::locked,
                       wall_from(row.integer(4))};
  if (row.integer(3) == 0) password.state = CredentialState::active;
  if (row.integer(5) != 0) password.used = wall_from(row.integer(5));
  password.used_from = row.string(6);
  return password;
}

template <class Row>
[[nodiscard]] Result<std::vector<AppPassword>> app_passwords(Row& row) {
  std::vector<AppPassword> all;
  for (;;) {
    Result<bool> there = row.step();
    if (!there) return pass(there);
    if (!*there) return all;
    all.push_back(app_password(row));
  }
}

template <class Row>
[[nodiscard]] Result<std::optional<AppPassword>> one_app_password(Row& row) {
  Result<bool> there = row.step();
  if (!there) return pass(there);
  if (!*there) return std::optional<AppPassword>{};
  return std::optional<AppPassword>(app_password(row));
}

inline int number_of(CredentialState state) { return state == CredentialState::active ? 0 : 1; }

inline std::int64_t used_us(const AppPassword& password) {
  return password.used ? unix_microseconds(*password.used) : 0;
}

// hash, state, changed_us, scram, reversible, sealed
template <class Row>
[[nodiscard]] Result<std::optional<Credential>> credential(const Row& row) {
  Credential credential{row.string(0), CredentialState::locked, wall_from(row.integer(2)),
                        row.string(3), row.integer(4) != 0,     row.string(5)};
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
[[nodiscard]] Result<std::string> secret(Row& row) {
  Result<bool> there = row.step();
  if (!there) return pass(there);
  std::optional<Secret> value = *there ? base64_decode(row.text(0)) : std::nullopt;
  if (!value) return transient("credentials: a secret is missing or damaged");
  return std::string(value->view());
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
