#include "admin-cli/mailbox_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "admin-cli/arguments.h"
#include "admin-cli/csv.h"
#include "auth/credentials_repository.h"
#include "auth/migrating_hasher.h"
#include "auth/set_password.h"

namespace toast::admin {
namespace {

constexpr std::array<std::string_view, 10> kColumns{"address", "password_hash",  "password", "name",
                                                    "quota",   "quota_messages", "pop3",     "imap",
                                                    "smtp",    "receive"};

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

tl::unexpected<Failure> bad_header(std::string message) {
  return fail(Exit::invalid, "bad_header", std::move(message), {},
              fmt::format("columns: {}; address and one of the passwords are needed",
                          fmt::join(kColumns, ", ")));
}

using Applied = tl::expected<void, Failure>;

Applied set_switch(bool& service, const std::string& text, const std::string& column) {
  const Wanted<bool> on = parse_switch(text, column);
  if (!on) return tl::unexpected(on.error());
  service = *on;
  return {};
}

Applied set_hash(MailboxRow& row, const std::string& text) {
  if (text.size() > auth::kMaxHashBytes)
    return fail(Exit::invalid, "bad_hash", "password_hash: too long");
  if (const Result<void> known = auth::check_stored_hash(text, {}); !known)
    return fail(Exit::invalid, "bad_hash", known.error().detail);
  row.hash = text;
  return {};
}

Applied set_password(MailboxRow& row, std::string& text) {
  Secret password = Secret::take(text);
  if (const Result<void> good = auth::check_password(password); !good)
    return fail(Exit::invalid, "bad_password", good.error().detail);
  row.password = std::move(password);
  return {};
}

// `text` is not empty.
Applied set_field(MailboxRow& row, const std::string& column, std::string& text) {
  if (column == "name") {
    row.display_name = text;
  } else if (column == "password_hash") {
    return set_hash(row, text);
  } else if (column == "password") {
    return set_password(row, text);
  } else if (column == "quota") {
    const Wanted<std::uint64_t> bytes = parse_size(text, column);
    if (!bytes) return tl::unexpected(bytes.error());
    row.quota_bytes = *bytes;
  } else if (column == "quota_messages") {
    const auto count = parse_limit(text, column);
    if (!count) return tl::unexpected(count.error());
    row.quota_messages = count->value_or(0);
  } else {
    for (const auto& [name, service] :
         {std::pair("pop3", &row.services.pop3), std::pair("imap", &row.services.imap),
          std::pair("smtp", &row.services.smtp), std::pair("receive", &row.services.receive)})
      if (column == name) return set_switch(*service, text, column);
  }
  return {};
}

}  // namespace

Wanted<MailboxColumns> MailboxColumns::parse(std::string_view header) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";  // as spreadsheets write it
  if (header.starts_with(kByteOrderMark)) header.remove_prefix(kByteOrderMark.size());
  MailboxColumns columns(csv_delimiter(header));
  Result<std::vector<std::string>> names = parse_csv_line(header, columns.delimiter_);
  if (!names) return bad_header(names.error().detail);
  for (const std::string& name : *names) {
    if (std::find(kColumns.begin(), kColumns.end(), name) == kColumns.end())
      return bad_header("no column is called \"" + name + "\"");
    if (std::count(names->begin(), names->end(), name) > 1)
      return bad_header("two columns are called " + name);
  }
  if (!has(*names, "address")) return bad_header("no column is called address");
  if (!has(*names, "password") && !has(*names, "password_hash"))
    return bad_header("no column has passwords");
  columns.names_ = std::move(*names);
  return columns;
}

Wanted<MailboxRow> MailboxColumns::row(std::string_view line) const {
  Result<std::vector<std::string>> fields = parse_csv_line(line, delimiter_);
  if (!fields) return fail(Exit::invalid, "bad_row", fields.error().detail);
  if (fields->size() != names_.size())
    return fail(Exit::invalid, "bad_row",
                fmt::format("{} fields where the header has {}", fields->size(), names_.size()));
  const auto place = std::find(names_.begin(), names_.end(), "address") - names_.begin();
  const Wanted<Address> address = parse_address((*fields)[static_cast<std::size_t>(place)]);
  if (!address) return tl::unexpected(address.error());
  MailboxRow row{.address = *address};
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if ((*fields)[i].empty()) continue;
    if (const Applied applied = set_field(row, names_[i], (*fields)[i]); !applied)
      return tl::unexpected(applied.error());
  }
  if (row.hash.empty() && !row.password)
    return fail(Exit::invalid, "password_needed", "no password", address->str());
  if (!row.hash.empty() && row.password)
    return fail(Exit::invalid, "bad_row", "a password and a hash", address->str());
  return row;
}

}  // namespace toast::admin
