// The store of credentials: who has which password hash, and who logged in when. authd reads it at
// every login; toastctl writes it. It knows nothing of mailboxes: a credential without an account
// in the directory is harmless, so writers add here first and delete here last.
//
// Calls block; an implementation says how long that may be. Any Error is "we do not know now"
// (transient: locked, missing, corrupt, newer schema) unless it is the caller's fault (permanent).
// "No such credential" is a value, never an Error: an outage must not look like a wrong password.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "auth/service.h"
#include "base/clock.h"
#include "base/result.h"

namespace toast::auth {

inline constexpr std::size_t kMaxAccountBytes = 320;  // RFC 5321 section 4.5.3.1: 64 + @ + 255
inline constexpr std::size_t kMaxHashBytes =
    512;  // argon2id strings take 97, the longest crypt(3) 384

enum class CredentialState : unsigned char { active, locked };

inline constexpr std::size_t kMaxScramBytes = 512;    // auth/scram_verifier.h writes about 190
inline constexpr std::size_t kMaxSealedBytes = 2048;  // auth/password_sealer.h writes 1525 at most
// Of one account: a person has so many devices; and what lists them has an end.
inline constexpr std::size_t kMaxAppPasswords = 32;
inline constexpr std::size_t kMaxAppPasswordName = 64;  // bytes

// An account's own password.
struct Credential {
  std::string hash;  // self-describing text, "$argon2id$..."
  CredentialState state = CredentialState::active;
  WallTime changed{};
  std::string scram{};      // what SCRAM needs; empty: none
  bool reversible = false;  // may be kept so that it can be had back
  std::string sealed{};     // so kept (auth/password_sealer.h); empty: not
  friend bool operator==(const Credential&, const Credential&) = default;
};

// What an account is to have from now on.
struct NewCredential {
  std::string account;
  std::string hash;
  std::string scram{};  // empty: none
};

// A password made for one program of the account's owner (auth/app_password.h). Locking the account
// locks it, too.
struct AppPassword {
  std::string name;      // given by the owner; not empty
  std::string hash;      // self-describing text, "$app$..."
  std::string services;  // names, comma-separated; empty: every service
  CredentialState state = CredentialState::active;
  WallTime made{};
  std::optional<WallTime> used{};
  std::string used_from{};  // address in text
  friend bool operator==(const AppPassword&, const AppPassword&) = default;
};

struct LastLogin {
  std::string account;
  Service service = Service::pop3;
  WallTime at{};
  std::string peer;            // address in text
  std::string app_password{};  // its name; empty: with the account's own. Written, not read back
  friend bool operator==(const LastLogin&, const LastLogin&) = default;
};

class CredentialsRepository {
 public:
  virtual ~CredentialsRepository() = default;

  virtual Result<std::optional<Credential>> find(const std::string& account) = 0;
  // Adds the account's credential or replaces its hash; the state becomes active, what SCRAM needs
  // and the sealed password are dropped. Durable on return. Permanent: account or hash empty or
  // over its limit.
  virtual Result<void> put(const std::string& account, const std::string& hash, WallTime now) = 0;
  // put(), and put_scram() where there is one, for each; in few transactions, so that of an error's
  // batch some may be stored.
  virtual Result<void> put_all(std::span<const NewCredential> credentials, WallTime now) {
    for (const NewCredential& c : credentials) {
      if (Result<void> done = put(c.account, c.hash, now); !done) return done;
      if (c.scram.empty()) continue;
      if (Result<bool> kept = put_scram(c.account, c.hash, c.scram); !kept) return pass(kept);
    }
    return {};
  }
  // Puts `better` only where the hash is still `from`: a rehash must not undo a changed password.
  // `changed` stays; what SCRAM needs and the sealed password are dropped. False: it was not.
  virtual Result<bool> replace_hash(const std::string& account, const std::string& from,
                                    const std::string& better) = 0;
  // Stores what SCRAM needs where the hash is still `hash`. False: it was not.
  virtual Result<bool> put_scram(const std::string& account, const std::string& hash,
                                 const std::string& scram) = 0;
  // May the account's own password be kept so that it can be had back? `false` drops what is kept.
  // False: it has no password of its own.
  virtual Result<bool> set_reversible(const std::string& account, bool reversible) = 0;
  // Stores the sealed password where it may be kept and the hash is still `hash`. False: not so.
  virtual Result<bool> put_sealed(const std::string& account, const std::string& hash,
                                  const std::string& sealed) = 0;
  // Of the account's own password and of its app passwords. False: there was none.
  virtual Result<bool> set_state(const std::string& account, CredentialState state) = 0;
  // By name, in byte order.
  virtual Result<std::vector<AppPassword>> app_passwords(const std::string& account) = 0;
  virtual Result<std::optional<AppPassword>> find_app_password(const std::string& account,
                                                               const std::string& hash) = 0;
  // Adds it or replaces the one of that name. Permanent: something is empty or over its limit.
  virtual Result<void> put_app_password(const std::string& account,
                                        const AppPassword& password) = 0;
  // False: there was none of that name.
  virtual Result<bool> remove_app_password(const std::string& account, const std::string& name) = 0;
  // Removes all credentials and the last logins. False: there was no credential; no harm.
  virtual Result<bool> remove(const std::string& account) = 0;

  // All or none, in one transaction; of two for the same account and service the later time stays.
  virtual Result<void> record_logins(std::span<const LastLogin> logins) = 0;
  virtual Result<std::vector<LastLogin>> last_logins(const std::string& account) = 0;

  // A random value that every authd on this store has in common; `candidate` where there is none
  // yet.
  virtual Result<std::string> secret(const std::string& name, const std::string& candidate) = 0;

  // Every account that has a credential of either kind, from `after` on (exclusive), in byte order,
  // at most `limit`: for the report on orphans.
  virtual Result<std::vector<std::string>> accounts(const std::string& after,
                                                    std::size_t limit) = 0;
};

}  // namespace toast::auth
