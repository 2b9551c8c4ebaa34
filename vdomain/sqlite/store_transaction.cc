#include "vdomain/sqlite/store_transaction.h"

#include <fmt/format.h>

namespace toast::vdomain {

namespace {

std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

std::optional<std::int64_t> number(const std::optional<std::uint64_t>& value) {
  if (!value) return std::nullopt;
  return number(*value);
}

std::optional<std::string> text(const std::optional<Address>& address) {
  if (!address) return std::nullopt;
  return address->str();
}

std::optional<std::string> text(const std::optional<NextHop>& server) {
  if (!server) return std::nullopt;
  return server->str();
}

class SqliteTransaction final : public StoreTransaction {
 public:
  SqliteTransaction(sqlite::Connection& db, sqlite::Transaction transaction)
      : db_(db), transaction_(std::move(transaction)) {}

  Result<void> insert_domain(const HostedDomain& d) override {
    return one(db_.run(
        "INSERT INTO domain (name, incoming_suspended, outgoing_suspended, login_suspended,"
        " catch_all, catch_all_target, sub_addressing, default_quota_bytes, default_quota_messages,"
        " max_mailboxes, max_aliases, max_lists, max_messages_per_day, lmtp, created_at, version)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        d.name.str(), d.incoming_suspended, d.outgoing_suspended, d.login_suspended,
        catch_all_name(d.catch_all.kind), text(d.catch_all.target),
        sub_addressing_name(d.sub_addressing), number(d.default_quota.bytes),
        number(d.default_quota.messages), number(d.limits.mailboxes), number(d.limits.aliases),
        number(d.limits.lists), number(d.limits.messages_per_day), text(d.lmtp),
        unix_microseconds(d.created), number(d.version)));
  }

  Result<void> update_domain(const HostedDomain& d) override {
    return one(db_.run(
        "UPDATE domain SET incoming_suspended = ?, outgoing_suspended = ?, login_suspended = ?,"
        " catch_all = ?, catch_all_target = ?, sub_addressing = ?, default_quota_bytes = ?,"
        " default_quota_messages = ?, max_mailboxes = ?, max_aliases = ?, max_lists = ?,"
        " max_messages_per_day = ?, lmtp = ?, version = ? WHERE name = ?",
        d.incoming_suspended, d.outgoing_suspended, d.login_suspended,
        catch_all_name(d.catch_all.kind), text(d.catch_all.target),
        sub_addressing_name(d.sub_addressing), number(d.default_quota.bytes),
        number(d.default_quota.messages), number(d.limits.mailboxes), number(d.limits.aliases),
        number(d.limits.lists), number(d.limits.messages_per_day), text(d.lmtp), number(d.version),
        d.name.str()));
  }

  Result<void> delete_domain(const Domain& name) override {
    return one(db_.run("DELETE FROM domain WHERE name = ?", name.str()));
  }

  Result<void> insert_domain_alias(const DomainAlias& alias) override {
    return one(
        db_.run("INSERT INTO domain_alias (name, domain_id, created_at)"
                " SELECT ?, domain_id, ? FROM domain WHERE name = ?",
                alias.name.str(), unix_microseconds(alias.created), alias.target.str()));
  }

  Result<void> delete_domain_alias(const Domain& name) override {
    return one(db_.run("DELETE FROM domain_alias WHERE name = ?", name.str()));
  }

  Result<void> insert_mailbox(const Mailbox& m) override {
    return one(db_.run(
        "INSERT INTO mailbox (domain_id, local_part, display_name, quota_bytes, quota_messages,"
        " pop3, imap, smtp, receive, maildir, created_at, version)"
        " SELECT domain_id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM domain WHERE name = ?",
        m.address.local_part(), m.display_name, number(m.quota.bytes), number(m.quota.messages),
        m.services.pop3, m.services.imap, m.services.smtp, m.services.receive, m.maildir,
        unix_microseconds(m.created), number(m.version), m.address.domain().str()));
  }

  Result<void> update_mailbox(const Mailbox& m) override {
    return one(db_.run(
        "UPDATE mailbox SET display_name = ?, quota_bytes = ?, quota_messages = ?, pop3 = ?,"
        " imap = ?, smtp = ?, receive = ?, version = ? WHERE local_part = ? AND"
        " domain_id = (SELECT domain_id FROM domain WHERE name = ?)",
        m.display_name, number(m.quota.bytes), number(m.quota.messages), m.services.pop3,
        m.services.imap, m.services.smtp, m.services.receive, number(m.version),
        m.address.local_part(), m.address.domain().str()));
  }

  Result<void> delete_mailbox(const Address& address) override {
    return one(
        db_.run("DELETE FROM mailbox WHERE local_part = ? AND"
                " domain_id = (SELECT domain_id FROM domain WHERE name = ?)",
                address.local_part(), address.domain().str()));
  }

  Result<void> insert_alias(const Alias& a) override {
    Result<void> done =
        one(db_.run("INSERT INTO alias (domain_id, local_part, keep_copy, created_at, version)"
                    " SELECT domain_id, ?, ?, ?, ? FROM domain WHERE name = ?",
                    a.address.local_part(), a.keep_copy, unix_microseconds(a.created),
                    number(a.version), a.address.domain().str()));
    if (!done) return done;
    return insert_targets(a, db_.last_row_id());
  }

  Result<void> update_alias(const Alias& a) override {
    Result<sqlite::Statement> row = db_.query(
        "UPDATE alias SET keep_copy = ?, version = ? WHERE local_part = ? AND"
        " domain_id = (SELECT domain_id FROM domain WHERE name = ?) RETURNING alias_id",
        a.keep_copy, number(a.version), a.address.local_part(), a.address.domain().str());
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    if (!*there) return no_row();
    const std::int64_t alias_id = row->integer(0);
    if (Result<void> done = row->run(); !done) return done;
    Result<std::int64_t> deleted = db_.run("DELETE FROM alias_target WHERE alias_id = ?", alias_id);
    if (!deleted) return pass(deleted);
    return insert_targets(a, alias_id);
  }

  Result<void> delete_alias(const Address& address) override {
    return one(
        db_.run("DELETE FROM alias WHERE local_part = ? AND"
                " domain_id = (SELECT domain_id FROM domain WHERE name = ?)",
                address.local_part(), address.domain().str()));
  }

  Result<void> append_audit(const AuditEntry& entry) override {
    return one(
        db_.run("INSERT INTO audit (at, actor, source, action, object, before, after)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                unix_microseconds(entry.at), entry.actor.name, entry.actor.source, entry.action,
                entry.object, entry.before, entry.after));
  }

  Result<void> commit() override {
    Result<void> counted = one(db_.run("UPDATE generation SET value = value + 1"));
    if (!counted) return counted;
    return transaction_.commit();
  }

 private:
  tl::unexpected<Error> no_row() const {
    return transient(fmt::format("database {}: a row vanished inside a transaction", db_.path()));
  }

  // The caller has checked that the row (or its domain) is there, in this same transaction.
  Result<void> one(Result<std::int64_t> changed) const {
    if (!changed) return pass(changed);
    if (*changed != 1) return no_row();
    return {};
  }

  Result<void> insert_targets(const Alias& a, std::int64_t alias_id) {
    std::int64_t position = 0;
    for (const Address& target : a.targets) {
      Result<void> done =
          one(db_.run("INSERT INTO alias_target (alias_id, position, target) VALUES (?, ?, ?)",
                      alias_id, position++, target.str()));
      if (!done) return done;
    }
    return {};
  }

  sqlite::Connection& db_;
  sqlite::Transaction transaction_;
};

}  // namespace

Result<std::unique_ptr<StoreTransaction>> begin_sqlite_directory_transaction(
    sqlite::Connection& db) {
  Result<sqlite::Transaction> transaction = sqlite::Transaction::begin(db);
  if (!transaction) return pass(transaction);
  return std::make_unique<SqliteTransaction>(db, std::move(*transaction));
}

}  // namespace toast::vdomain
