#include "vdomain/sqlite/directory_store.h"

#include <fmt/format.h>

#include "base/migrations.h"
#include "schema/embedded.h"
#include "vdomain/sql_reads.h"
#include "vdomain/sqlite/store_transaction.h"

namespace toast::vdomain {

namespace {

class SqliteDirectory final : public SqlReads<sqlite::Connection, SqliteDirectoryStore> {
 public:
  using SqlReads::SqlReads;

  Result<DirectorySnapshot> snapshot() override {
    Result<sqlite::Snapshot> begun = sqlite::Snapshot::begin(db_);
    if (!begun) return pass(begun);
    Result<std::int64_t> version = db_.data_version();
    if (!version) return pass(version);
    return DirectorySnapshot(std::move(*begun), *version);
  }

  Result<std::unique_ptr<StoreTransaction>> begin() override {
    return begin_sqlite_directory_transaction(db_);
  }

  Result<void> each_domain(const std::string& after, Visit<HostedDomain> visit) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM domain WHERE name > ? ORDER BY name", rows::kDomainColumns);
    return sql::each_row<HostedDomain>(db_.query(sql, after), rows::domain<sqlite::Statement>,
                                       visit);
  }

  Result<void> each_domain_alias(const std::string& after, const Domain* target,
                                 Visit<DomainAlias> visit) override {
    return sql::each_row<DomainAlias>(
        db_.query("SELECT a.name, d.name, a.created_at FROM domain_alias a JOIN domain d"
                  " USING (domain_id) WHERE a.name > ?1 AND (?2 IS NULL OR d.name = ?2)"
                  " ORDER BY a.name",
                  after, name_or_null(target)),
        rows::domain_alias<sqlite::Statement>, visit);
  }

  Result<void> each_mailbox(const std::optional<Address>& after, const Domain* domain,
                            Visit<Mailbox> visit) override {
    static const std::string sql = fmt::format(kInOne, rows::kMailboxColumns, "mailbox m", "m");
    return each_entry<Mailbox>(sql, after, domain, visit, rows::mailbox<sqlite::Statement>);
  }

  Result<void> each_alias(const std::optional<Address>& after, const Domain* domain,
                          Visit<Alias> visit) override {
    static const std::string sql = fmt::format(kInOne, rows::kAliasColumns, "alias a", "a");
    return each_entry<Alias>(sql, after, domain, visit, [this](const sqlite::Statement& row) {
      return alias_with_targets(row);
    });
  }

 private:
  static constexpr const char* kInOne =
      "SELECT {0} FROM domain d JOIN {1} USING (domain_id) WHERE d.name = ? AND {2}.local_part > ?"
      " ORDER BY {2}.local_part";

  template <class T, class Read>
  Result<void> each_entry(const std::string& sql, const std::optional<Address>& after,
                          const Domain* domain, const Visit<T>& visit, Read read) {
    const auto in_one = [&](const Domain& name, const std::string& from) -> Result<bool> {
      bool more = true;
      const Visit<T> watched = [&](const T& value) { return more = visit(value); };
      Result<void> done = sql::each_row<T>(db_.query(sql, name.str(), from), read, watched);
      if (!done) return pass(done);
      return more;
    };
    return by_domain(after, domain, in_one);
  }

  static std::optional<std::string> name_or_null(const Domain* domain) {
    if (domain == nullptr) return std::nullopt;
    return domain->str();
  }
};

}  // namespace

Result<std::unique_ptr<SqliteDirectoryStore>> open_sqlite_directory(const std::string& path,
                                                                    sqlite::OpenOptions options) {
  Result<sqlite::Connection> db = sqlite::Connection::open(path, options);
  if (!db) return pass(db);
  if (Result<void> usable = check_schema(*db, schema::sqlite_directory()); !usable)
    return pass(usable);
  return std::make_unique<SqliteDirectory>(std::move(*db));
}

Result<int> migrate_sqlite_directory(const std::string& path) {
  Result<sqlite::Connection> db =
      sqlite::Connection::open(path, {.access = sqlite::Access::create});
  if (!db) return pass(db);
  return apply_migrations(*db, schema::sqlite_directory());
}

}  // namespace toast::vdomain
