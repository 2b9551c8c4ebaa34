#include "auth/sqlite/credentials.h"

#include <utility>

#include "auth/credential_rows.h"
#include "base/base64.h"
#include "base/migrations.h"
#include "schema/embedded.h"

namespace toast::auth {

SqliteCredentials::SqliteCredentials(std::string path, sqlite::OpenOptions options)
    : path_(std::move(path)), options_(options) {}

Result<void> SqliteCredentials::make_ready() {
  if (db_ && db_->check_file_in_place()) {
    Result<std::int64_t> version = db_->data_version();
    if (version && *version == data_version_) return {};
    // Whoever wrote may have been a newer program that migrated it.
    if (version && check_schema(*db_, schema::sqlite_credentials())) {
      data_version_ = *version;
      return {};
    }
  }
  db_.reset();
  Result<sqlite::Connection> opened = sqlite::Connection::open(path_, options_);
  if (!opened) return pass(opened);
  Result<void> usable = check_schema(*opened, schema::sqlite_credentials());
  if (!usable) return pass(usable);
  Result<std::int64_t> version = opened->data_version();
  if (!version) return pass(version);
  data_version_ = *version;
  db_.emplace(std::move(*opened));
  return {};
}

template <class Work>
auto SqliteCredentials::with(Work work) -> decltype(work(std::declval<sqlite::Connection&>())) {
  if (Result<void> ready = make_ready(); !ready) return pass(ready);
  auto result = work(*db_);
  if (!result) db_.reset();
  return result;
}

template <class... Values>
Result<bool> SqliteCredentials::changes(const char* sql, const Values&... values) {
  return with([&](sqlite::Connection& db) -> Result<bool> {
    Result<std::int64_t> done = db.run(sql, values...);
    if (!done) return pass(done);
    return *done > 0;
  });
}

Result<std::optional<Credential>> SqliteCredentials::find(const std::string& account) {
  using Found = Result<std::optional<Credential>>;
  return with([&](sqlite::Connection& db) -> Found {
    Result<sqlite::Statement> row = db.query(
        "SELECT hash, state, changed_us, scram, reversible, sealed FROM credential"
        " WHERE account=? AND label=?",
        account, rows::kOwn);
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    if (!*there) return std::optional<Credential>{};
    return rows::credential(*row);
  });
}

Result<void> SqliteCredentials::put(const std::string& account, const std::string& hash,
                                    WallTime now) {
  if (Result<void> good = rows::check_account(account); !good) return good;
  if (Result<void> good = rows::check_hash(hash); !good) return good;
  return with([&](sqlite::Connection& db) -> Result<void> {
    Result<std::int64_t> done = db.run(
        "INSERT INTO credential (account, label, hash, state, changed_us) VALUES (?, ?, ?, 0, ?)"
        " ON CONFLICT (account, label) DO UPDATE SET hash=excluded.hash, state=0,"
        " changed_us=excluded.changed_us, scram='', sealed=''",
        account, rows::kOwn, hash, unix_microseconds(now));
    if (!done) return pass(done);
    return {};
  });
}

Result<void> SqliteCredentials::put_all(std::span<const NewCredential> credentials, WallTime now) {
  for (const NewCredential& c : credentials)
    if (Result<void> good = rows::check_new(c); !good) return good;
  return with([&](sqlite::Connection& db) -> Result<void> {
    Result<sqlite::Transaction> transaction = sqlite::Transaction::begin(db);
    if (!transaction) return pass(transaction);
    for (const NewCredential& c : credentials) {
      Result<std::int64_t> done = db.run(
          "INSERT INTO credential (account, label, hash, state, changed_us, scram)"
          " VALUES (?, ?, ?, 0, ?, ?)"
          " ON CONFLICT (account, label) DO UPDATE SET hash=excluded.hash, state=0,"
          " changed_us=excluded.changed_us, scram=excluded.scram, sealed=''",
          c.account, rows::kOwn, c.hash, unix_microseconds(now), c.scram);
      if (!done) return pass(done);
    }
    return transaction->commit();
  });
}

Result<bool> SqliteCredentials::replace_hash(const std::string& account, const std::string& from,
                                             const std::string& better) {
  if (Result<void> good = rows::check_hash(better); !good) return pass(good);
  return with([&](sqlite::Connection& db) -> Result<bool> {
    Result<std::int64_t> done = db.run(
        "UPDATE credential SET hash=?, scram='', sealed=''"
        " WHERE account=? AND label=? AND hash=?",
        better, account, rows::kOwn, from);
    if (!done) return pass(done);
    return *done > 0;
  });
}

Result<bool> SqliteCredentials::put_scram(const std::string& account, const std::string& hash,
                                          const std::string& scram) {
  if (Result<void> good = rows::check_scram(scram); !good) return pass(good);
  return changes("UPDATE credential SET scram=? WHERE account=? AND label=? AND hash=?", scram,
                 account, rows::kOwn, hash);
}

Result<bool> SqliteCredentials::set_reversible(const std::string& account, bool reversible) {
  return changes(reversible
                     ? "UPDATE credential SET reversible=1 WHERE account=? AND label=?"
                     : "UPDATE credential SET reversible=0, sealed='' WHERE account=? AND label=?",
                 account, rows::kOwn);
}

Result<bool> SqliteCredentials::put_sealed(const std::string& account, const std::string& hash,
                                           const std::string& sealed) {
  if (Result<void> good = rows::check_sealed(sealed); !good) return pass(good);
  return changes(
      "UPDATE credential SET sealed=? WHERE account=? AND label=? AND hash=? AND reversible=1",
      sealed, account, rows::kOwn, hash);
}

Result<bool> SqliteCredentials::set_state(const std::string& account, CredentialState state) {
  return changes("UPDATE credential SET state=? WHERE account=?", rows::number_of(state), account);
}

Result<std::vector<AppPassword>> SqliteCredentials::app_passwords(const std::string& account) {
  using Passwords = Result<std::vector<AppPassword>>;
  return with([&](sqlite::Connection& db) -> Passwords {
    Result<sqlite::Statement> found = db.query(
        "SELECT label, hash, services, state, changed_us, used_us, used_from"
        " FROM credential WHERE account=? AND label<>? ORDER BY label",
        account, rows::kOwn);
    if (!found) return pass(found);
    return rows::app_passwords(*found);
  });
}

Result<std::optional<AppPassword>> SqliteCredentials::find_app_password(const std::string& account,
                                                                        const std::string& hash) {
  using Found = Result<std::optional<AppPassword>>;
  return with([&](sqlite::Connection& db) -> Found {
    Result<sqlite::Statement> row = db.query(
        "SELECT label, hash, services, state, changed_us, used_us, used_from"
        " FROM credential WHERE account=? AND label<>? AND hash=?",
        account, rows::kOwn, hash);
    if (!row) return pass(row);
    return rows::one_app_password(*row);
  });
}

Result<void> SqliteCredentials::put_app_password(const std::string& account,
                                                 const AppPassword& password) {
  if (Result<void> good = rows::check_app_password(account, password); !good) return good;
  Result<bool> done = changes(
      "INSERT INTO credential (account, label, hash, services, state, changed_us, used_us,"
      " used_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
      " ON CONFLICT (account, label) DO UPDATE SET hash=excluded.hash, services=excluded.services,"
      " state=excluded.state, changed_us=excluded.changed_us, used_us=excluded.used_us,"
      " used_from=excluded.used_from",
      account, password.name, password.hash, password.services, rows::number_of(password.state),
      unix_microseconds(password.made), rows::used_us(password), password.used_from);
  if (!done) return pass(done);
  return {};
}

Result<bool> SqliteCredentials::remove_app_password(const std::string& account,
                                                    const std::string& name) {
  return changes("DELETE FROM credential WHERE account=? AND label=? AND label<>?", account, name,
                 rows::kOwn);
}

Result<bool> SqliteCredentials::remove(const std::string& account) {
  return with([&](sqlite::Connection& db) -> Result<bool> {
    Result<sqlite::Transaction> transaction = sqlite::Transaction::begin(db);
    if (!transaction) return pass(transaction);
    Result<std::int64_t> removed = db.run("DELETE FROM credential WHERE account=?", account);
    if (!removed) return pass(removed);
    Result<std::int64_t> logins = db.run("DELETE FROM last_login WHERE account=?", account);
    if (!logins) return pass(logins);
    if (Result<void> done = transaction->commit(); !done) return pass(done);
    return *removed > 0;
  });
}

Result<void> SqliteCredentials::record_logins(std::span<const LastLogin> logins) {
  if (logins.empty()) return {};
  return with([&](sqlite::Connection& db) -> Result<void> {
    Result<sqlite::Transaction> transaction = sqlite::Transaction::begin(db);
    if (!transaction) return pass(transaction);
    for (const LastLogin& login : logins) {
      Result<std::int64_t> done = db.run(
          "INSERT INTO last_login (account, service, at_us, peer) VALUES (?, ?, ?, ?)"
          " ON CONFLICT (account, service) DO UPDATE SET at_us=excluded.at_us, peer=excluded.peer"
          " WHERE excluded.at_us >= at_us",
          login.account, service_name(login.service), unix_microseconds(login.at), login.peer);
      if (!done) return pass(done);
      if (login.app_password.empty()) continue;
      done = db.run(
          "UPDATE credential SET used_us=?1, used_from=?2"
          " WHERE account=?3 AND label=?4 AND used_us<=?1",
          unix_microseconds(login.at), login.peer, login.account, login.app_password);
      if (!done) return pass(done);
    }
    return transaction->commit();
  });
}

Result<std::vector<LastLogin>> SqliteCredentials::last_logins(const std::string& account) {
  using Logins = Result<std::vector<LastLogin>>;
  return with([&](sqlite::Connection& db) -> Logins {
    Result<sqlite::Statement> found = db.query(
        "SELECT service, at_us, peer FROM last_login WHERE account=? ORDER BY service", account);
    if (!found) return pass(found);
    return rows::last_logins(account, *found);
  });
}

Result<std::string> SqliteCredentials::secret(const std::string& name,
                                              const std::string& candidate) {
  return with([&](sqlite::Connection& db) -> Result<std::string> {
    Result<std::int64_t> put =
        db.run("INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", name,
               base64_encode(candidate));
    if (!put) return pass(put);
    Result<sqlite::Statement> row = db.query("SELECT value FROM secret WHERE name=?", name);
    if (!row) return pass(row);
    return rows::secret(*row);
  });
}

Result<std::vector<std::string>> SqliteCredentials::accounts(const std::string& after,
                                                             std::size_t limit) {
  using Names = Result<std::vector<std::string>>;
  return with([&](sqlite::Connection& db) -> Names {
    Result<sqlite::Statement> found =
        db.query("SELECT DISTINCT account FROM credential WHERE account>? ORDER BY account LIMIT ?",
                 after, static_cast<std::int64_t>(limit));
    if (!found) return pass(found);
    return rows::names(*found);
  });
}

}  // namespace toast::auth
