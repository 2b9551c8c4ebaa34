#include "vdomain/mariadb/directory_store.h"

#include "base/mariadb/migrations.h"
#include "schema/embedded.h"
#include "vdomain/sql_reads.h"
#include "vdomain/sql_writes.h"

namespace toast::vdomain {
namespace {

// Listings come in pieces of so many rows, each a statement that begins behind the last key:
// neither side holds more, and no read stays open while the visitor works.
constexpr std::size_t kRowsAtOnce = 1000;

// What SqlReads asks, of a database that is ours or somebody else's.
class Handle {
 public:
  explicit Handle(mariadb::Database& lent) : db_(&lent) {}
  template <class... Values>
  Result<mariadb::Rows> query(std::string_view sql, const Values&... values) {
    return db_->query(sql, values...);
  }
  template <class... Values>
  Result<std::int64_t> run(std::string_view sql, const Values&... values) {
    return db_->run(sql, values...);
  }
  std::int64_t last_row_id() const { return db_->last_row_id(); }
  std::string path() const { return db_->path(); }
  mariadb::Database& database() const { return *db_; }

 private:
  mariadb::Database* db_;
};

using mariadb::Rows;

class MariadbDirectory : public SqlReads<Handle> {
 public:
  explicit MariadbDirectory(mariadb::Database& db) : SqlReads(Handle(db)) {}

  Result<std::unique_ptr<StoreTransaction>> begin() override {
    Result<mariadb::Transaction> transaction = mariadb::Transaction::begin(db_.database());
    if (!transaction) return pass(transaction);
    // The writers' lock, waited for as long as the session's patience says.
    auto locked = db_.query("SELECT value FROM generation WHERE only_row = 1 FOR UPDATE");
    if (!locked) return pass(locked);
    return std::make_unique<SqlWrites<Handle, mariadb::Transaction>>(db_, std::move(*transaction));
  }

  bool lost_to_another() const override { return db_.database().lost_to_another(); }

  Result<void> each_domain(const std::string& after, Visit<HostedDomain> visit) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM domain WHERE name > ? ORDER BY name LIMIT {}",
                    rows::kDomainColumns, kRowsAtOnce);
    std::string from = after;
    const auto next = [&] { return db_.query(sql, from); };
    return in_pieces<HostedDomain>(next, rows::domain<Rows>, [&](const HostedDomain& d) {
      from = d.name.str();
      return visit(d);
    });
  }

  Result<void> each_domain_alias(const std::string& after, const Domain* target,
                                 Visit<DomainAlias> visit) override {
    static const std::string all = fmt::format(kAliasesOfDomains, "", kRowsAtOnce);
    static const std::string of_one =
        fmt::format(kAliasesOfDomains, " AND d.name = ?", kRowsAtOnce);
    std::string from = after;
    const auto next = [&] {
      return target == nullptr ? db_.query(all, from) : db_.query(of_one, from, target->str());
    };
    return in_pieces<DomainAlias>(next, rows::domain_alias<Rows>, [&](const DomainAlias& a) {
      from = a.name.str();
      return visit(a);
    });
  }

  Result<void> each_mailbox(const std::optional<Address>& after, const Domain* domain,
                            Visit<Mailbox> visit) override {
    static const std::string in_one =
        fmt::format(kInOne, rows::kMailboxColumns, "mailbox m", "m.local_part", kRowsAtOnce);
    return by_domain(after, domain, [&](const Domain& name, std::string from) -> Result<bool> {
      bool more = true;
      const auto next = [&] { return db_.query(in_one, name.str(), from); };
      Result<void> done = in_pieces<Mailbox>(next, rows::mailbox<Rows>, [&](const Mailbox& m) {
        from = m.address.local_part();
        return more = visit(m);
      });
      if (!done) return pass(done);
      return more;
    });
  }

  Result<void> each_alias(const std::optional<Address>& after, const Domain* domain,
                          Visit<Alias> visit) override {
    return by_domain(after, domain, [&](const Domain& name, std::string from) -> Result<bool> {
      for (;;) {
        Result<std::vector<Alias>> aliases = some_aliases(name, from);
        if (!aliases) return pass(aliases);
        for (const Alias& alias : *aliases)
          if (!visit(alias)) return false;
        if (aliases->size() < kRowsAtOnce) return true;
        from = aliases->back().address.local_part();
      }
    });
  }

 private:
  static constexpr const char* kAliasesOfDomains =
      "SELECT a.name, d.name, a.created_at FROM domain_alias a JOIN domain d USING (domain_id)"
      " WHERE a.name > ?{} ORDER BY a.name LIMIT {}";
  static constexpr const char* kInOne =
      "SELECT {0} FROM domain d JOIN {1} USING (domain_id) WHERE d.name = ? AND {2} > ?"
      " ORDER BY {2} LIMIT {3}";

  template <class T, class Next, class Read, class See>
  Result<void> in_pieces(Next next, Read read, See see) {
    for (;;) {
      std::size_t seen = 0;
      bool more = true;
      const Visit<T> counted = [&](const T& value) {
        ++seen;
        return more = see(value);
      };
      Result<void> done = sql::each_row<T>(next(), read, counted);
      if (!done) return done;
      if (!more || seen < kRowsAtOnce) return {};
    }
  }

  // With their targets, by one statement: a row for each target.
  Result<std::vector<Alias>> some_aliases(const Domain& domain, const std::string& after) {
    static const std::string sql = fmt::format(
        "SELECT d.name, a.local_part, a.keep_copy, a.created_at, a.version, a.alias_id, t.target"
        " FROM (SELECT * FROM alias WHERE domain_id = (SELECT domain_id FROM domain WHERE name = ?)"
        " AND local_part > ? ORDER BY local_part LIMIT {}) a"
        " JOIN domain d USING (domain_id) LEFT JOIN alias_target t USING (alias_id)"
        " ORDER BY a.local_part, t.position",
        kRowsAtOnce);
    Result<Rows> row = db_.query(sql, domain.str(), after);
    if (!row) return pass(row);
    std::vector<Alias> aliases;
    std::int64_t last = 0;
    for (;;) {
      Result<bool> there = row->step();
      if (!there) return pass(there);
      if (!*there) return aliases;
      if (aliases.empty() || row->integer(5) != last) {
        Result<Alias> alias = rows::alias(*row);
        if (!alias) return pass(alias);
        aliases.push_back(std::move(*alias));
        last = row->integer(5);
      }
      if (row->is_null(6)) continue;
      Result<Address> target = rows::parse_address("alias_target", row->text(6));
      if (!target) return pass(target);
      aliases.back().targets.push_back(std::move(*target));
    }
  }
};

// With the database that it reads.
struct Owned {
  mariadb::Database database;
};
class OwningDirectory final : private Owned, public MariadbDirectory {
 public:
  explicit OwningDirectory(mariadb::Database db)
      : Owned{std::move(db)}, MariadbDirectory(Owned::database) {}
};

}  // namespace

mariadb::Database mariadb_directory_database(std::shared_ptr<mariadb::Servers> servers) {
  return {std::move(servers), [](mariadb::Connection& connection) {
            return mariadb::check_schema(connection, schema::mariadb_directory());
          }};
}

std::unique_ptr<DirectoryStore> mariadb_directory(std::shared_ptr<mariadb::Servers> servers) {
  return std::make_unique<OwningDirectory>(mariadb_directory_database(std::move(servers)));
}

std::unique_ptr<DirectoryStore> mariadb_directory_over(mariadb::Database& db) {
  return std::make_unique<MariadbDirectory>(db);
}

}  // namespace toast::vdomain
