// The rows of `mailbox import`: a header that names columns, then a mailbox a line.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin-cli/failure.h"
#include "base/secret.h"
#include "mta/message/address.h"
#include "vdomain/model.h"

namespace toast::admin {

// One line, its values parsed. What is not given is the default of a new mailbox.
struct MailboxRow {
  Address address;
  std::string display_name{};
  std::optional<std::uint64_t> quota_bytes{};
  std::optional<std::uint64_t> quota_messages{};
  vdomain::ServiceSwitches services{};
  std::string hash{};                // of another system, sound; or
  std::optional<Secret> password{};  // as its owner types it
};

class MailboxColumns {
 public:
  // Which column is where. A name that is not known is refused, lest a quota be overlooked.
  [[nodiscard]] static Wanted<MailboxColumns> parse(std::string_view header);
  [[nodiscard]] Wanted<MailboxRow> row(std::string_view line) const;

 private:
  explicit MailboxColumns(char delimiter) : delimiter_(delimiter) {}
  char delimiter_;
  std::vector<std::string> names_;
};

}  // namespace toast::admin
