#include "vdomain/sql_rows.h"

#include <fmt/format.h>

namespace toast::vdomain::rows {

tl::unexpected<Error> damaged(std::string_view table, std::string_view value) {
  return transient(
      fmt::format("directory database: table {} holds \"{}\", which is not valid there; restore it "
                  "or correct it",
                  table, value));
}

Result<Domain> parse_domain(std::string_view table, std::string_view text) {
  Result<Domain> parsed = Domain::parse(text);
  if (!parsed) return damaged(table, text);
  return parsed;
}

Result<Address> parse_address(std::string_view table, std::string_view text) {
  Result<Address> parsed = Address::parse(text);
  if (!parsed) return damaged(table, text);
  return parsed;
}

WallTime time_from(std::int64_t microseconds) {
  return WallTime{std::chrono::microseconds{microseconds}};
}

}  // namespace toast::vdomain::rows
