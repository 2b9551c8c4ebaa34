// What `domain add` and `domain set` can say about a domain.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "admin-cli/failure.h"
#include "vdomain/model.h"

namespace toast::admin {

class DomainSettings {
 public:
  void add_to(CLI::App& command);
  bool any() const;
  // Those that were given; what was not stays as it is.
  tl::expected<void, Failure> apply_to(vdomain::HostedDomain& domain) const;

 private:
  tl::expected<void, Failure> apply_suspensions(vdomain::HostedDomain& domain) const;

  std::optional<std::string> catch_all_, default_quota_, default_quota_messages_, sub_addressing_,
      lmtp_, max_mailboxes_, max_aliases_, max_lists_, max_disk_, max_disk_messages_, owner_,
      quota_, quota_messages_, max_messages_per_hour_, max_messages_per_day_;
  std::vector<std::string> suspend_, resume_;
  std::string reason_ = "suspended by the administrator";
};

}  // namespace toast::admin
