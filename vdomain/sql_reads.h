// The reading half of the directory as far as it is the same text for every SQL database: what a
// lookup asks. Listings and transactions are the back ends' own. Database has query(), whose rows
// are read by step(), text(), integer()...
#pragma once

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "vdomain/directory_store.h"
#include "vdomain/sql_rows.h"

namespace toast::vdomain {

namespace sql {

// The first row of a query, read by `read`; none: an empty optional.
template <class T, class Query, class Read>
Result<std::optional<T>> first_row(Query query, Read read) {
  if (!query) return pass(query);
  Result<bool> there = query->step();
  if (!there) return pass(there);
  if (!*there) return std::nullopt;
  Result<T> value = read(*query);
  if (!value) return pass(value);
  return std::optional<T>(std::move(*value));
}

template <class T, class Query, class Read>
Result<void> each_row(Query query, Read read, const Visit<T>& visit) {
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

}  // namespace sql

// Store: the DirectoryStore, or what a back end has made of it.
template <class Database, class Store = DirectoryStore>
class SqlReads : public Store {
 public:
  explicit SqlReads(Database db) : db_(std::move(db)) {}

  Result<std::uint64_t> generation() override {
    auto row = db_.query("SELECT value FROM generation");
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    return static_cast<std::uint64_t>(row->integer(0));
  }

  Result<std::optional<HostedDomain>> domain(const Domain& name) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM domain WHERE name = ?", rows::kDomainColumns);
    return sql::first_row<HostedDomain>(db_.query(sql, name.str()),
                                        [](const auto& row) { return rows::domain(row); });
  }

  Result<std::optional<DomainAlias>> domain_alias(const Domain& name) override {
    return sql::first_row<DomainAlias>(
        db_.query("SELECT a.name, d.name, a.created_at FROM domain_alias a JOIN domain d"
                  " USING (domain_id) WHERE a.name = ?",
                  name.str()),
        [](const auto& row) { return rows::domain_alias(row); });
  }

  Result<std::optional<Mailbox>> mailbox(const Address& address) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id) WHERE d.name = ? AND"
        " m.local_part = ?",
        rows::kMailboxColumns);
    return sql::first_row<Mailbox>(db_.query(sql, address.domain().str(), address.local_part()),
                                   [](const auto& row) { return rows::mailbox(row); });
  }

  Result<std::optional<Mailbox>> mailbox_by_maildir(const std::string& maildir) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM mailbox m JOIN domain d USING (domain_id) WHERE m.maildir = ?",
                    rows::kMailboxColumns);
    return sql::first_row<Mailbox>(db_.query(sql, maildir),
                                   [](const auto& row) { return rows::mailbox(row); });
  }

  Result<std::optional<Mailbox>> oldest_mailbox(const Domain* domain) override {
    static const std::string in_domain = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id) WHERE d.name = ?"
        " ORDER BY m.mailbox_id LIMIT 1",
        rows::kMailboxColumns);
    static const std::string in_all = fmt::format(
        "SELECT {} FROM mailbox m JOIN domain d USING (domain_id) ORDER BY m.mailbox_id LIMIT 1",
        rows::kMailboxColumns);
    if (domain == nullptr)
      return sql::first_row<Mailbox>(db_.query(in_all),
                                     [](const auto& row) { return rows::mailbox(row); });
    return sql::first_row<Mailbox>(db_.query(in_domain, domain->str()),
                                   [](const auto& row) { return rows::mailbox(row); });
  }

  Result<std::optional<Alias>> alias(const Address& address) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN alias a USING (domain_id) WHERE d.name = ? AND"
        " a.local_part = ?",
        rows::kAliasColumns);
    return sql::first_row<Alias>(db_.query(sql, address.domain().str(), address.local_part()),
                                 [this](const auto& row) { return this->alias_with_targets(row); });
  }

  Result<StoredCounts> counts(const Domain& domain) override {
    auto row = db_.query(
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

  Result<StoredRoom> room(const Domain& domain) override {
    return room_in(db_.query(kRoom, domain.str()));
  }

  Result<StoredRoom> room_of_owner(const std::string& name) override {
    return room_in(db_.query(kRoomOfOwner, name));
  }

  Result<std::optional<DomainOwner>> owner(const std::string& name) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM owner WHERE name = ?", rows::kOwnerColumns);
    return sql::first_row<DomainOwner>(db_.query(sql, name),
                                       [](const auto& row) { return rows::owner(row); });
  }

  Result<OwnedCounts> counts_of_owner(const std::string& name) override {
    auto row = db_.query(
        "SELECT (SELECT count(*) FROM domain d WHERE d.owner_id = o.owner_id),"
        " (SELECT count(*) FROM domain d JOIN mailbox m USING (domain_id)"
        "  WHERE d.owner_id = o.owner_id),"
        " (SELECT count(*) FROM domain d JOIN alias a USING (domain_id)"
        "  WHERE d.owner_id = o.owner_id)"
        " FROM owner o WHERE o.name = ?",
        name);
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    if (!*there) return OwnedCounts{};
    return OwnedCounts{count(*row, 0), count(*row, 1), count(*row, 2)};
  }

  Result<std::optional<Vacation>> vacation(const Address& mailbox) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id) JOIN vacation v USING"
        " (mailbox_id) WHERE d.name = ? AND m.local_part = ?",
        rows::kVacationColumns);
    return sql::first_row<Vacation>(db_.query(sql, mailbox.domain().str(), mailbox.local_part()),
                                    [](const auto& row) { return rows::vacation(row); });
  }

  // A page in the order of names.
  Result<void> each_quota_domain(const std::string& after, Visit<DomainQuota> visit) override {
    static const std::string sql = fmt::format(
        "SELECT name, quota_bytes, quota_messages FROM domain"
        " WHERE quota_bytes > 0 AND lmtp IS NULL AND name > ?"
        " UNION SELECT name, quota_bytes, quota_messages FROM domain"
        " WHERE quota_messages > 0 AND lmtp IS NULL AND name > ? ORDER BY name LIMIT {}",
        kDomainsAtOnce);
    const auto read = [](const auto& row) -> Result<DomainQuota> {
      Result<Domain> name = rows::parse_domain("domain", row.text(0));
      if (!name) return pass(name);
      return DomainQuota{std::move(*name), rows::quota(row, 1)};
    };
    std::string from = after;
    for (;;) {
      std::size_t seen = 0;
      bool more = true;
      const Visit<DomainQuota> counted = [&](const DomainQuota& found) {
        ++seen;
        from = found.name.str();
        return more = visit(found);
      };
      const std::string behind = from;
      Result<void> done = sql::each_row<DomainQuota>(db_.query(sql, behind, behind), read, counted);
      if (!done || !more || seen < kDomainsAtOnce) return done;
    }
  }

  // Few: an owner is a customer of a provider.
  Result<void> each_owner(const std::string& after, Visit<DomainOwner> visit) override {
    static const std::string sql =
        fmt::format("SELECT {} FROM owner WHERE name > ? ORDER BY name", rows::kOwnerColumns);
    return sql::each_row<DomainOwner>(
        db_.query(sql, after), [](const auto& row) { return rows::owner(row); }, visit);
  }

  // In pieces: MariaDB's rows are all here before the first is visited.
  Result<void> each_vacation(const std::optional<Address>& after, Visit<Vacation> visit) override {
    static const std::string sql = fmt::format(
        "SELECT {} FROM domain d JOIN mailbox m USING (domain_id) JOIN vacation v USING"
        " (mailbox_id) WHERE d.name > ? OR (d.name = ? AND m.local_part > ?)"
        " ORDER BY d.name, m.local_part LIMIT {}",
        rows::kVacationColumns, kVacationsAtOnce);
    std::optional<Address> from = after;
    for (;;) {
      std::size_t seen = 0;
      bool more = true;
      const Visit<Vacation> counted = [&](const Vacation& vacation) {
        ++seen;
        from = vacation.mailbox;
        return more = visit(vacation);
      };
      const std::string domain = after_domain(from);
      Result<void> done = sql::each_row<Vacation>(
          db_.query(sql, domain, domain, after_local(from)),
          [](const auto& row) { return rows::vacation(row); }, counted);
      if (!done || !more || seen < kVacationsAtOnce) return done;
    }
  }

  Result<std::vector<AuditEntry>> audit_after(std::uint64_t id, std::size_t limit) override {
    return audit_entries(
        db_.query("SELECT audit_id, at, actor, source, action, object, `before`, after FROM audit"
                  " WHERE audit_id > ? ORDER BY audit_id LIMIT ?",
                  static_cast<std::int64_t>(id), static_cast<std::int64_t>(limit)));
  }

  Result<std::vector<AuditEntry>> audit(const std::string& object, std::size_t limit) override {
    constexpr std::string_view kAll =
        "SELECT audit_id, at, actor, source, action, object, `before`, after FROM audit"
        " ORDER BY audit_id DESC LIMIT ?";
    constexpr std::string_view kOfObject =
        "SELECT audit_id, at, actor, source, action, object, `before`, after FROM audit"
        " WHERE object = ? ORDER BY audit_id DESC LIMIT ?";
    const auto most = static_cast<std::int64_t>(limit);
    return audit_entries(object.empty() ? db_.query(kAll, most)
                                        : db_.query(kOfObject, object, most));
  }

 protected:
  static constexpr std::size_t kVacationsAtOnce = 1000;
  // CAST: a sum of integers is a decimal for MariaDB.
  static constexpr std::string_view kRoom =
      "SELECT CAST(coalesce(sum(m.quota_bytes), 0) AS SIGNED),"
      " CAST(coalesce(sum(m.quota_messages), 0) AS SIGNED),"
      " CAST(coalesce(sum(m.quota_bytes = 0), 0) AS SIGNED),"
      " CAST(coalesce(sum(m.quota_messages = 0), 0) AS SIGNED)"
      " FROM domain d JOIN mailbox m USING (domain_id) WHERE d.name = ?";
  static constexpr std::string_view kRoomOfOwner =
      "SELECT CAST(coalesce(sum(m.quota_bytes), 0) AS SIGNED),"
      " CAST(coalesce(sum(m.quota_messages), 0) AS SIGNED),"
      " CAST(coalesce(sum(m.quota_bytes = 0), 0) AS SIGNED),"
      " CAST(coalesce(sum(m.quota_messages = 0), 0) AS SIGNED)"
      " FROM owner o JOIN domain d USING (owner_id) JOIN mailbox m USING (domain_id)"
      " WHERE o.name = ?";

  template <class Row>
  static std::uint64_t count(const Row& row, int column) {
    return static_cast<std::uint64_t>(row.integer(column));
  }

  template <class Query>
  static Result<StoredRoom> room_in(Query row) {
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    return StoredRoom{count(*row, 0), count(*row, 1), count(*row, 2), count(*row, 3)};
  }

  template <class Query>
  static Result<std::vector<AuditEntry>> audit_entries(Query row) {
    if (!row) return pass(row);
    std::vector<AuditEntry> entries;
    for (;;) {
      Result<bool> there = row->step();
      if (!there) return pass(there);
      if (!*there) return entries;
      entries.push_back(rows::audit(*row));
    }
  }

  static std::string after_domain(const std::optional<Address>& after) {
    return after ? after->domain().str() : std::string();
  }
  static std::string after_local(const std::optional<Address>& after) {
    return after ? after->local_part() : std::string();
  }

  static constexpr std::size_t kDomainsAtOnce = 1000;

  // `visit(domain, local part to begin behind)`, which says whether to go on, for one domain, or
  // for all from `after` on. Of one domain at a time: only so does a database use its index for the
  // order and the start, and a listing's last page costs as little as its first.
  template <class VisitDomain>
  Result<void> by_domain(const std::optional<Address>& after, const Domain* domain,
                         VisitDomain visit) {
    if (domain != nullptr) {
      if (after && after->domain().str() > domain->str()) return {};
      const bool inside = after && after->domain() == *domain;
      Result<bool> done = visit(*domain, inside ? after_local(after) : std::string());
      if (!done) return pass(done);
      return {};
    }
    if (after) {
      Result<bool> more = visit(after->domain(), after_local(after));
      if (!more) return pass(more);
      if (!*more) return {};
    }
    std::string from = after_domain(after);
    for (;;) {
      Result<std::vector<Domain>> names = some_domains(from);
      if (!names) return pass(names);
      for (const Domain& name : *names) {
        Result<bool> more = visit(name, std::string());
        if (!more) return pass(more);
        if (!*more) return {};
      }
      if (names->size() < kDomainsAtOnce) return {};
      from = names->back().str();
    }
  }

  Result<std::vector<Domain>> some_domains(const std::string& after) {
    static const std::string sql = fmt::format(
        "SELECT name FROM domain WHERE name > ? ORDER BY name LIMIT {}", kDomainsAtOnce);
    std::vector<Domain> names;
    const auto read = [](const auto& row) { return rows::parse_domain("domain", row.text(0)); };
    const Visit<Domain> keep = [&](const Domain& name) {
      names.push_back(name);
      return true;
    };
    Result<void> done = sql::each_row<Domain>(db_.query(sql, after), read, keep);
    if (!done) return pass(done);
    return names;
  }

  template <class Row>
  Result<Alias> alias_with_targets(const Row& row) {
    Result<Alias> alias = rows::alias(row);
    if (!alias) return alias;
    auto targets = db_.query("SELECT target FROM alias_target WHERE alias_id = ? ORDER BY position",
                             row.integer(5));
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

  Database db_;
};

}  // namespace toast::vdomain
