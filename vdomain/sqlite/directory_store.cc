#include "vdomain/sqlite/directory_store.h"

#include <fmt/format.h>

#include "base/migrations.h"
#include "schema/embedded.h"
#include "vdomain/sqlite/rows.h"
#include "vdomain/sqlite/store_transaction.h"

namespace toast::vdomain {

namespace {

// The first row of a query, read by `read`; none: an empty optional.
template <class T, class Read>
Result<std::optional<T>> first_row(Result<sqlite::Statement> query, Read read) {
  if (!query) return pass(query);
  Result<bool> there = query->step();
  if (!there) return pass(there);
  if (!*there) return std::nullopt;
  Result<T> value = read(*query);
  if (!value) return pass(value);
  return std::optional<T>(std::move(*value));
}

template <class T, class Read>
Result<void> each_row(Result<sqlite::Statement> query, Read read, const Visit<T>& visit) {
  if (!query) return pass(query);
  for (;;) {
    Result<bool> there = query->step();
    if (!there) return pass(there);
    if (!*there) return {};
    Result<T> value = read(*query);
    if (!value) return pass(value);
    if (!visit(*value)) return {};
  }
}

class SqliteDirectory final : public DirectoryStore {
 public:
  explicit SqliteDirectory(sqlite::Connection db) : db_(std::move(db)) {}

  Result<std::unique_ptr<StoreTransaction>> begin() override {
    return begin_sqlite_directory_transaction(db_);
  }

  Result<std::uint64_t> generation() override {
    Result<sqlite::Statement> row = db_.prepare("SELECT value FROM generation");
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    return static_cast<std::uint64_t>(row->integer(0));
  }

  Result<std::optional<HostedDomain>> domain(const Domain& name) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM domain WHERE name = ?", rows::kDomainColumns);
    return first_row<HostedDomain>(db_.query(sql, name.str()), rows::domain);
  }

  Result<std::optional<DomainAlias>> domain_alias(const Domain& name) override {
    return first_row<DomainAlias>(
        db_.query("SELECT a.name, d.name, a.created_at FROM domain_alias a JOIN domain d"
                  " USING (domain_id) WHERE a.name = ?",
                  name.str()),
        rows::domain_alias);
  }

  Result<std::optional<Mailbox>> mailbox(const Address& address) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id) WHERE d.name = ? AND"
        " m.local_part = ?",
        rows::kMailboxColumns);
    return first_row<Mailbox>(db_.query(sql, address.domain().str(), address.local_part()),
                              rows::mailbox);
  }

  Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM mailbox m JOIN domain d USING (domain_id) WHERE m.maildir = ?",
                    rows::kMailboxColumns);
    return first_row<Mailbox>(db_.query(sql, maildir), rows::mailbox);
  }

  Result<std::optional<Mailbox>> oldest_mailbox(const Domain* domain) override {
    static const std::string in_domain = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id) WHERE d.name = ?"
        " ORDER BY m.mailbox_id LIMIT 1",
        rows::kMailboxColumns);
    static const std::string in_all = fmt::format(
        "SELECT {} FROM mailbox m JOIN domain d USING (domain_id) ORDER BY m.mailbox_id LIMIT 1",
        rows::kMailboxColumns);
    if (domain == nullptr) return first_row<Mailbox>(db_.query(in_all), rows::mailbox);
    return first_row<Mailbox>(db_.query(in_domain, domain->str()), rows::mailbox);
  }

  Result<std::optional<Alias>> alias(const Address& address) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN alias a USING (domain_id) WHERE d.name = ? AND"
        " a.local_part = ?",
        rows::kAliasColumns);
    return first_row<Alias>(
        db_.query(sql, address.domain().str(), address.local_part()),
        [this](const sqlite::Statement& row) { return alias_with_targets(row); });
  }

  Result<StoredCounts> counts(const Domain& domain) override {
    Result<sqlite::Statement> row = db_.query(
        "SELECT (SELECT count(*) FROM mailbox m WHERE m.domain_id = d.domain_id),"
        " (SELECT count(*) FROM alias a WHERE a.domain_id = d.domain_id),"
        " (SELECT count(*) FROM domain_alias o WHERE o.domain_id = d.domain_id)"
        " FROM domain d WHERE d.name = ?",
        domain.str());
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    if (!*there) return StoredCounts{};
    return StoredCounts{static_cast<std::uint64_t>(row->integer(0)),
                        static_cast<std::uint64_t>(row->integer(1)),
                        static_cast<std::uint64_t>(row->integer(2))};
  }

  Result<void> each_domain(const std::string& after, Visit<HostedDomain> visit) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM domain WHERE name > ? ORDER BY name", rows::kDomainColumns);
    return each_row<HostedDomain>(db_.query(sql, after), rows::domain, visit);
  }

  Result<void> each_domain_alias(const std::string& after, const Domain* target,
                                 Visit<DomainAlias> visit) override {
    return each_row<DomainAlias>(
        db_.query("SELECT a.name, d.name, a.created_at FROM domain_alias a JOIN domain d"
                  " USING (domain_id) WHERE a.name > ?1 AND (?2 IS NULL OR d.name = ?2)"
                  " ORDER BY a.name",
                  after, name_or_null(target)),
        rows::domain_alias, visit);
  }

  Result<void> each_mailbox(const std::optional<Address>& after, const Domain* domain,
                            Visit<Mailbox> visit) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id)"
        " WHERE (d.name, m.local_part) > (?1, ?2) AND (?3 IS NULL OR d.name = ?3)"
        " ORDER BY d.name, m.local_part",
        rows::kMailboxColumns);
    return each_row<Mailbox>(
        db_.query(sql, after_domain(after), after_local(after), name_or_null(domain)),
        rows::mailbox, visit);
  }

  Result<void> each_alias(const std::optional<Address>& after, const Domain* domain,
                          Visit<Alias> visit) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN alias a USING (domain_id)"
        " WHERE (d.name, a.local_part) > (?1, ?2) AND (?3 IS NULL OR d.name = ?3)"
        " ORDER BY d.name, a.local_part",
        rows::kAliasColumns);
    return each_row<Alias>(
        db_.query(sql, after_domain(after), after_local(after), name_or_null(domain)),
        [this](const sqlite::Statement& row) { return alias_with_targets(row); }, visit);
  }

  Result<std::vector<AuditEntry>> audit(const std::string& object, std::size_t limit) override {
    Result<sqlite::Statement> row = db_.query(
        "SELECT audit_id, at, actor, source, action, object, before, after FROM audit"
        " WHERE (?1 = '' OR object = ?1) ORDER BY audit_id DESC LIMIT ?2",
        object, static_cast<std::int64_t>(limit));
    if (!row) return pass(row);
    std::vector<AuditEntry> entries;
    for (;;) {
      Result<bool> there = row->step();
      if (!there) return pass(there);
      if (!*there) return entries;
      entries.push_back(rows::audit(*row));
    }
  }

 private:
  static std::optional<std::string> name_or_null(const Domain* domain) {
    if (domain == nullptr) return std::nullopt;
    return domain->str();
  }
  static std::string after_domain(const std::optional<Address>& after) {
    return after ? after->domain().str() : std::string();
  }
  static std::string after_local(const std::optional<Address>& after) {
    return after ? after->local_part() : std::string();
  }

  Result<Alias> alias_with_targets(const sqlite::Statement& row) {
    Result<Alias> alias = rows::alias(row);
    if (!alias) return alias;
    Result<sqlite::Statement> targets = db_.query(
        "SELECT target FROM alias_target WHERE alias_id = ? ORDER BY position", row.integer(5));
    if (!targets) return pass(targets);
    for (;;) {
      Result<bool> there = targets->step();
      if (!there) return pass(there);
      if (!*there) return alias;
      Result<Address> target = rows::target(*targets);
      if (!target) return pass(target);
      alias->targets.push_back(std::move(*target));
    }
  }

  sqlite::Connection db_;
};

}  // namespace

Result<std::unique_ptr<DirectoryStore>> open_sqlite_directory(const std::string& path,
                                                              sqlite::OpenOptions options) {
  Result<sqlite::Connection> db = sqlite::Connection::open(path, options);
  if (!db) return pass(db);
  if (Result<void> usable = check_schema(*db, schema::sqlite_directory()); !usable)
    return pass(usable);
  return sqlite_directory_over(std::move(*db));
}

std::unique_ptr<DirectoryStore> sqlite_directory_over(sqlite::Connection connection) {
  return std::make_unique<SqliteDirectory>(std::move(connection));
}

Result<int> migrate_sqlite_directory(const std::string& path) {
  Result<sqlite::Connection> db =
      sqlite::Connection::open(path, {.access = sqlite::Access::create});
  if (!db) return pass(db);
  return apply_migrations(*db, schema::sqlite_directory());
}

}  // namespace toast::vdomain
