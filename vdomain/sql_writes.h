// The writing half of the directory, the same text for every SQL database: Database has run() and
// last_row_id(), Transaction commits, or rolls back in its destructor. `before` is a word of
// MariaDB's own and quoted as it does; SQLite understands that.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "vdomain/directory_store.h"

namespace toast::vdomain {

namespace sql {

inline std::int64_t number(std::uint64_t value) { return static_cast<std::int64_t>(value); }

inline std::optional<std::int64_t> number(const std::optional<std::uint64_t>& value) {
  if (!value) return std::nullopt;
  return number(*value);
}

inline std::optional<std::int64_t> number(const std::optional<WallTime>& time) {
  if (!time) return std::nullopt;
  return unix_microseconds(*time);
}

inline std::optional<std::string> text(const std::optional<Address>& address) {
  if (!address) return std::nullopt;
  return address->str();
}

inline std::optional<std::string> text(const std::optional<ReplyText>& reply) {
  if (!reply) return std::nullopt;
  return reply->str();
}

inline std::optional<std::string> text(const std::optional<NextHop>& server) {
  if (!server) return std::nullopt;
  return server->str();
}

}  // namespace sql

template <class Database, class Transaction>
class SqlWrites final : public StoreTransaction {
 public:
  SqlWrites(Database& db, Transaction transaction)
      : db_(db), transaction_(std::move(transaction)) {}

  Result<void> insert_domain(const HostedDomain& d) override {
    return one(db_.run(
        "INSERT INTO domain (name, incoming_suspended, outgoing_suspended, login_suspended,"
        " catch_all, catch_all_target, sub_addressing, default_quota_bytes, default_quota_messages,"
        " max_mailboxes, max_aliases, max_lists, max_messages_per_day, max_disk_bytes,"
        " max_disk_messages, owner_id, lmtp, created_at, version, quota_bytes, quota_messages,"
        " catch_all_text, max_messages_per_hour)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " (SELECT owner_id FROM owner WHERE name = ?), ?, ?, ?, ?, ?, ?, ?)",
        d.name.str(), d.incoming_suspended, d.outgoing_suspended, d.login_suspended,
        catch_all_name(d.catch_all.kind), sql::text(d.catch_all.target),
        sub_addressing_name(d.sub_addressing), sql::number(d.default_quota.bytes),
        sql::number(d.default_quota.messages), sql::number(d.limits.mailboxes),
        sql::number(d.limits.aliases), sql::number(d.limits.lists),
        sql::number(d.limits.messages_per_day), sql::number(d.limits.disk_bytes),
        sql::number(d.limits.disk_messages), d.owner, sql::text(d.lmtp),
        unix_microseconds(d.created), sql::number(d.version), sql::number(d.quota.bytes),
        sql::number(d.quota.messages), sql::text(d.catch_all.text),
        sql::number(d.limits.messages_per_hour)));
  }

  Result<void> update_domain(const HostedDomain& d) override {
    return one(db_.run(
        "UPDATE domain SET incoming_suspended = ?, outgoing_suspended = ?, login_suspended = ?,"
        " catch_all = ?, catch_all_target = ?, sub_addressing = ?, default_quota_bytes = ?,"
        " default_quota_messages = ?, max_mailboxes = ?, max_aliases = ?, max_lists = ?,"
        " max_messages_per_day = ?, max_disk_bytes = ?, max_disk_messages = ?,"
        " owner_id = (SELECT owner_id FROM owner WHERE name = ?), lmtp = ?, version = ?,"
        " quota_bytes = ?, quota_messages = ?, catch_all_text = ?, max_messages_per_hour = ?"
        " WHERE name = ?",
        d.incoming_suspended, d.outgoing_suspended, d.login_suspended,
        catch_all_name(d.catch_all.kind), sql::text(d.catch_all.target),
        sub_addressing_name(d.sub_addressing), sql::number(d.default_quota.bytes),
        sql::number(d.default_quota.messages), sql::number(d.limits.mailboxes),
        sql::number(d.limits.aliases), sql::number(d.limits.lists),
        sql::number(d.limits.messages_per_day), sql::number(d.limits.disk_bytes),
        sql::number(d.limits.disk_messages), d.owner, sql::text(d.lmtp), sql::number(d.version),
        sql::number(d.quota.bytes), sql::number(d.quota.messages), sql::text(d.catch_all.text),
        sql::number(d.limits.messages_per_hour), d.name.str()));
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
        m.address.local_part(), m.display_name, sql::number(m.quota.bytes),
        sql::number(m.quota.messages), m.services.pop3, m.services.imap, m.services.smtp,
        m.services.receive, m.maildir, unix_microseconds(m.created), sql::number(m.version),
        m.address.domain().str()));
  }

  Result<void> update_mailbox(const Mailbox& m) override {
    return one(db_.run(
        "UPDATE mailbox SET display_name = ?, quota_bytes = ?, quota_messages = ?, pop3 = ?,"
        " imap = ?, smtp = ?, receive = ?, version = ? WHERE local_part = ? AND"
        " domain_id = (SELECT domain_id FROM domain WHERE name = ?)",
        m.display_name, sql::number(m.quota.bytes), sql::number(m.quota.messages), m.services.pop3,
        m.services.imap, m.services.smtp, m.services.receive, sql::number(m.version),
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
                    sql::number(a.version), a.address.domain().str()));
    if (!done) return done;
    return insert_targets(a, db_.last_row_id());
  }

  Result<void> update_alias(const Alias& a) override {
    auto row = db_.query(
        "SELECT a.alias_id FROM alias a JOIN domain d USING (domain_id)"
        " WHERE d.name = ? AND a.local_part = ?",
        a.address.domain().str(), a.address.local_part());
    if (!row) return pass(row);
    Result<bool> there = row->step();
    if (!there) return pass(there);
    if (!*there) return no_row();
    const std::int64_t alias_id = row->integer(0);
    Result<void> done =
        one(db_.run("UPDATE alias SET keep_copy = ?, version = ? WHERE alias_id = ?", a.keep_copy,
                    sql::number(a.version), alias_id));
    if (!done) return done;
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

  Result<void> insert_owner(const DomainOwner& o) override {
    return one(
        db_.run("INSERT INTO owner (name, max_domains, max_mailboxes, max_aliases, max_lists,"
                " max_disk_bytes, max_disk_messages, created_at, version, max_messages_per_hour,"
                " max_messages_per_day)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                o.name, sql::number(o.limits.domains), sql::number(o.limits.mailboxes),
                sql::number(o.limits.aliases), sql::number(o.limits.lists),
                sql::number(o.limits.disk_bytes), sql::number(o.limits.disk_messages),
                unix_microseconds(o.created), sql::number(o.version),
                sql::number(o.limits.messages_per_hour), sql::number(o.limits.messages_per_day)));
  }

  Result<void> update_owner(const DomainOwner& o) override {
    return one(db_.run(
        "UPDATE owner SET max_domains = ?, max_mailboxes = ?, max_aliases = ?, max_lists = ?,"
        " max_disk_bytes = ?, max_disk_messages = ?, max_messages_per_hour = ?,"
        " max_messages_per_day = ?, version = ? WHERE name = ?",
        sql::number(o.limits.domains), sql::number(o.limits.mailboxes),
        sql::number(o.limits.aliases), sql::number(o.limits.lists),
        sql::number(o.limits.disk_bytes), sql::number(o.limits.disk_messages),
        sql::number(o.limits.messages_per_hour), sql::number(o.limits.messages_per_day),
        sql::number(o.version), o.name));
  }

  Result<void> delete_owner(const std::string& name) override {
    return one(db_.run("DELETE FROM owner WHERE name = ?", name));
  }

  Result<void> insert_vacation(const Vacation& v) override {
    return one(
        db_.run("INSERT INTO vacation (mailbox_id, subject, text, begins_at, ends_at, days,"
                " only_if_named, created_at, version)"
                " SELECT m.mailbox_id, ?, ?, ?, ?, ?, ?, ?, ?"
                " FROM domain d JOIN mailbox m USING (domain_id)"
                " WHERE d.name = ? AND m.local_part = ?",
                v.subject, v.text, sql::number(v.begins), sql::number(v.ends),
                static_cast<std::int64_t>(v.days), v.only_if_named, unix_microseconds(v.created),
                sql::number(v.version), v.mailbox.domain().str(), v.mailbox.local_part()));
  }

  Result<void> delete_vacation(const Address& mailbox) override {
    return one(
        db_.run("DELETE FROM vacation WHERE mailbox_id ="
                " (SELECT m.mailbox_id FROM domain d JOIN mailbox m USING (domain_id)"
                " WHERE d.name = ? AND m.local_part = ?)",
                mailbox.domain().str(), mailbox.local_part()));
  }

  Result<void> append_audit(const AuditEntry& entry) override {
    return one(
        db_.run("INSERT INTO audit (at, actor, source, action, object, `before`, after)"
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

  Database& db_;
  Transaction transaction_;
};

}  // namespace toast::vdomain
