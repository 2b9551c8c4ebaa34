#include "mta/smtpd/submitted_header.h"

#include "mta/message/address_list.h"
#include "mta/message/ascii.h"
#include "mta/message/date.h"
#include "mta/message/headers.h"

namespace toast::smtpd {
namespace {

using smtp::Reply;

tl::unexpected<Reply> no_author(std::string text) {
  return tl::unexpected(Reply{550, "5.6.0 " + std::move(text)});
}

tl::expected<std::vector<Address>, Reply> parse_authors(std::string_view body) {
  const auto items = parse_address_list(body);
  if (!items) return no_author("From cannot be read");
  std::vector<Address> authors;
  for (const ListItem& item : *items) {
    if (item.kind != ListItem::Kind::address) continue;
    Result<Domain> domain = Domain::parse(item.address.host);
    if (!domain) return no_author("From has an address without a domain");
    Result<Address> author = Address::from_parts(item.address.local, std::move(*domain));
    if (!author) return no_author("From has an address that cannot be read");
    authors.push_back(std::move(*author));
  }
  if (authors.empty()) return no_author("From names nobody");
  if (authors.size() > kMaxAuthors) return no_author("From names too many");
  return authors;
}

}  // namespace

tl::expected<SubmittedHeader, Reply> complete_header(std::string_view header,
                                                     const HeaderAdditions& additions) {
  SubmittedHeader result;
  std::string kept;
  kept.reserve(header.size());
  bool has_date = false;
  bool has_id = false;
  bool has_from = false;
  HeaderScanner fields(header);
  std::size_t begin = 0;
  while (const std::optional<HeaderField> field = fields.next()) {
    const std::string_view whole = header.substr(begin, fields.body_offset() - begin);
    begin = fields.body_offset();
    if (ascii::equal_fold(field->name, "Bcc") || ascii::equal_fold(field->name, "Resent-Bcc"))
      continue;
    kept += whole;
    has_date = has_date || ascii::equal_fold(field->name, "Date");
    has_id = has_id || ascii::equal_fold(field->name, "Message-ID");
    if (!ascii::equal_fold(field->name, "From")) continue;
    if (has_from) return no_author("there is more than one From");
    has_from = true;
    tl::expected<std::vector<Address>, Reply> authors = parse_authors(field->body);
    if (!authors) return tl::unexpected(std::move(authors.error()));
    result.from = std::move(*authors);
  }
  if (!has_from) return no_author("the message has no From");
  if (!has_date) result.text += "Date: " + format_date(additions.now) + "\n";
  if (!has_id)
    result.text +=
        "Message-ID: <" + std::string(additions.id) + "@" + std::string(additions.host) + ">\n";
  result.text += kept;
  result.text += header.substr(begin);
  return result;
}

// A line that is no field begins the body as well, but whether a line is one shows at its end only.
std::size_t find_body(std::string_view text, std::size_t searched, bool is_all) {
  if (text.starts_with('\n')) return 1;
  const std::size_t from = searched == 0 ? 0 : searched - 1;
  if (const std::size_t end = text.find("\n\n", from); end != std::string_view::npos)
    return end + 2;
  if (!is_all && text.size() < kMaxSubmittedHeader) return std::string_view::npos;
  HeaderScanner fields(text.substr(0, text.rfind('\n') + 1));
  while (fields.next()) {
  }
  if (is_all || fields.body_offset() <= text.rfind('\n')) return fields.body_offset();
  return std::string_view::npos;
}

}  // namespace toast::smtpd
