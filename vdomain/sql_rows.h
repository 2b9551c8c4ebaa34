// How a row of the directory becomes a value of the model, whichever database it comes from (Row:
// sqlite::Statement or mariadb::Rows). Rows are checked as they are read: a value that no program
// of ours would write is a damaged database (transient), not a wrong answer.
#pragma once

#include <optional>
#include <string_view>

#include "vdomain/model.h"

namespace toast::vdomain::rows {

inline constexpr std::string_view kDomainColumns =
    "name, incoming_suspended, outgoing_suspended, login_suspended, catch_all, catch_all_target,"
    " sub_addressing, default_quota_bytes, default_quota_messages, max_mailboxes, max_aliases,"
    " max_lists, max_messages_per_day, created_at, version, lmtp, max_disk_bytes,"
    " max_disk_messages, (SELECT o.name FROM owner o WHERE o.owner_id = domain.owner_id),"
    " quota_bytes, quota_messages, catch_all_text, max_messages_per_hour";
inline constexpr std::string_view kOwnerColumns =
    "name, max_domains, max_mailboxes, max_aliases, max_lists, max_disk_bytes, max_disk_messages,"
    " created_at, version, max_messages_per_hour, max_messages_per_day";
inline constexpr std::string_view kVacationColumns =
    "d.name, m.local_part, v.subject, v.text, v.begins_at, v.ends_at, v.days, v.only_if_named,"
    " v.created_at, v.version";
inline constexpr std::string_view kMailboxColumns =
    "d.name, m.local_part, m.display_name, m.quota_bytes, m.quota_messages, m.pop3, m.imap, m.smtp,"
    " m.receive, m.maildir, m.created_at, m.version,"
    " EXISTS (SELECT 1 FROM vacation v WHERE v.mailbox_id = m.mailbox_id)";
inline constexpr std::string_view kAliasColumns =
    "d.name, a.local_part, a.keep_copy, a.created_at, a.version, a.alias_id";

WallTime time_from(std::int64_t microseconds);
[[nodiscard]] tl::unexpected<Error> damaged(std::string_view table, std::string_view value);
[[nodiscard]] Result<Domain> parse_domain(std::string_view table, std::string_view text);
[[nodiscard]] Result<Address> parse_address(std::string_view table, std::string_view text);

template <class Row>
[[nodiscard]] Result<Address> address_of(std::string_view table, const Row& row) {
  Result<Domain> name = parse_domain(table, row.text(0));
  if (!name) return pass(name);
  Result<Address> address = Address::from_parts(row.text(1), *name);
  if (!address) return damaged(table, row.text(1));
  return address;
}

template <class Row>
std::optional<std::uint64_t> limit(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return static_cast<std::uint64_t>(row.integer(column));
}

template <class Row>
Quota quota(const Row& row, int column) {
  return {static_cast<std::uint64_t>(row.integer(column)),
          static_cast<std::uint64_t>(row.integer(column + 1))};
}

template <class Row>
[[nodiscard]] Result<HostedDomain> domain(const Row& row) {
  Result<Domain> name = parse_domain("domain", row.text(0));
  if (!name) return pass(name);
  const std::optional<CatchAll::Kind> kind = parse_catch_all(row.text(4));
  const std::optional<SubAddressing> separators = parse_sub_addressing(row.text(6));
  if (!kind) return damaged("domain", row.text(4));
  if (!separators) return damaged("domain", row.text(6));
  CatchAll catch_all{*kind, std::nullopt};
  if (!row.is_null(21)) {
    Result<ReplyText> text = ReplyText::parse(row.text(21));
    if (!text) return damaged("domain", row.text(21));
    catch_all.text = std::move(*text);
  }
  if (!row.is_null(5)) {
    Result<Address> target = parse_address("domain", row.text(5));
    if (!target) return pass(target);
    catch_all.target = *target;
  }
  std::optional<NextHop> lmtp;
  if (!row.is_null(15)) {
    Result<NextHop> server = NextHop::parse(row.text(15));
    if (!server || server->kind != NextHop::Kind::lmtp) return damaged("domain", row.text(15));
    lmtp = std::move(*server);
  }
  return HostedDomain{
      .name = *name,
      .incoming_suspended = row.optional_string(1),
      .outgoing_suspended = row.optional_string(2),
      .login_suspended = row.optional_string(3),
      .catch_all = catch_all,
      .sub_addressing = *separators,
      .default_quota = quota(row, 7),
      .limits = {limit(row, 9), limit(row, 10), limit(row, 11), limit(row, 12), limit(row, 16),
                 limit(row, 17), limit(row, 22)},
      .lmtp = std::move(lmtp),
      .owner = row.optional_string(18),
      .quota = quota(row, 19),
      .created = time_from(row.integer(13)),
      .version = static_cast<std::uint64_t>(row.integer(14)),
  };
}

// name, target, created
template <class Row>
[[nodiscard]] Result<DomainAlias> domain_alias(const Row& row) {
  Result<Domain> name = parse_domain("domain_alias", row.text(0));
  if (!name) return pass(name);
  Result<Domain> target = parse_domain("domain_alias", row.text(1));
  if (!target) return pass(target);
  return DomainAlias{*name, *target, time_from(row.integer(2))};
}

template <class Row>
[[nodiscard]] Result<Mailbox> mailbox(const Row& row) {
  Result<Address> address = address_of("mailbox", row);
  if (!address) return pass(address);
  if (row.text(9).empty() || row.text(9).size() > kMaxMaildirPath)
    return damaged("mailbox", row.text(9));
  return Mailbox{
      .address = *address,
      .display_name = row.string(2),
      .quota = quota(row, 3),
      .services = {row.boolean(5), row.boolean(6), row.boolean(7), row.boolean(8)},
      .maildir = row.string(9),
      .has_vacation = row.boolean(12),
      .created = time_from(row.integer(10)),
      .version = static_cast<std::uint64_t>(row.integer(11)),
  };
}

template <class Row>
[[nodiscard]] Result<DomainOwner> owner(const Row& row) {
  return DomainOwner{
      .name = row.string(0),
      .limits = {limit(row, 1), limit(row, 2), limit(row, 3), limit(row, 4), limit(row, 5),
                 limit(row, 6), limit(row, 9), limit(row, 10)},
      .created = time_from(row.integer(7)),
      .version = static_cast<std::uint64_t>(row.integer(8)),
  };
}

template <class Row>
std::optional<WallTime> time_or_none(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return time_from(row.integer(column));
}

template <class Row>
[[nodiscard]] Result<Vacation> vacation(const Row& row) {
  Result<Address> address = address_of("vacation", row);
  if (!address) return pass(address);
  if (row.text(2).size() > kMaxVacationSubject || row.text(3).size() > kMaxVacationText)
    return damaged("vacation", row.text(2));
  return Vacation{
      .mailbox = *address,
      .subject = row.string(2),
      .text = row.string(3),
      .begins = time_or_none(row, 4),
      .ends = time_or_none(row, 5),
      .days = static_cast<std::uint32_t>(row.integer(6)),
      .only_if_named = row.boolean(7),
      .created = time_from(row.integer(8)),
      .version = static_cast<std::uint64_t>(row.integer(9)),
  };
}

// Without its targets; they are rows of their own, of the alias_id in column 5.
template <class Row>
[[nodiscard]] Result<Alias> alias(const Row& row) {
  Result<Address> address = address_of("alias", row);
  if (!address) return pass(address);
  return Alias{
      .address = *address,
      .targets = {},
      .keep_copy = row.boolean(2),
      .created = time_from(row.integer(3)),
      .version = static_cast<std::uint64_t>(row.integer(4)),
  };
}

template <class Row>
[[nodiscard]] Result<Address> target(const Row& row) {
  return parse_address("alias_target", row.text(0));
}

template <class Row>
AuditEntry audit(const Row& row) {
  return {.id = static_cast<std::uint64_t>(row.integer(0)),
          .at = time_from(row.integer(1)),
          .actor = {row.string(2), row.string(3)},
          .action = row.string(4),
          .object = row.string(5),
          .before = row.optional_string(6),
          .after = row.optional_string(7)};
}

}  // namespace toast::vdomain::rows
