// How a row of the SQLite directory becomes a value of the model. Rows are checked as they are
// read: a value that no program of ours would write is a damaged database (transient), not a wrong
// answer.
#pragma once

#include <string_view>

#include "base/sqlite.h"
#include "vdomain/model.h"

namespace toast::vdomain::rows {

inline constexpr std::string_view kDomainColumns =
    "name, incoming_suspended, outgoing_suspended, login_suspended, catch_all, catch_all_target,"
    " sub_addressing, default_quota_bytes, default_quota_messages, max_mailboxes, max_aliases,"
    " max_lists, max_messages_per_day, created_at, version, lmtp";
inline constexpr std::string_view kMailboxColumns =
    "d.name, m.local_part, m.display_name, m.quota_bytes, m.quota_messages, m.pop3, m.imap, m.smtp,"
    " m.receive, m.maildir, m.created_at, m.version";
inline constexpr std::string_view kAliasColumns =
    "d.name, a.local_part, a.keep_copy, a.created_at, a.version, a.alias_id";

[[nodiscard]] Result<HostedDomain> domain(const sqlite::Statement& row);
[[nodiscard]] Result<DomainAlias> domain_alias(
    const sqlite::Statement& row);  // name, target, created
[[nodiscard]] Result<Mailbox> mailbox(const sqlite::Statement& row);
// Without its targets; they are rows of their own, of the alias_id in column 5.
[[nodiscard]] Result<Alias> alias(const sqlite::Statement& row);
[[nodiscard]] Result<Address> target(const sqlite::Statement& row);
[[nodiscard]] AuditEntry audit(const sqlite::Statement& row);

WallTime time_from(std::int64_t microseconds);

}  // namespace toast::vdomain::rows
