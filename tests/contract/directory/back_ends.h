// The back ends under the contract suite, and the fixture all its files share. A new back end is
// one more entry in back_ends().
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "vdomain/directory_repository.h"

namespace toast::vdomain {

struct BackEnd {
  std::string name;
  // An empty directory with the current schema, kept below `folder`; called again: the same one.
  std::function<std::unique_ptr<DirectoryStore>(const std::string& folder)> open;
  friend void PrintTo(const BackEnd& back_end, std::ostream* out) { *out << back_end.name; }
};
std::vector<BackEnd> back_ends();

inline Address address(std::string_view text) { return Address::parse(text).value(); }
inline Domain domain(std::string_view text) { return Domain::parse(text).value(); }
inline HostedDomain hosted(std::string_view name) { return HostedDomain{.name = domain(name)}; }

class DirectoryContract : public testing::TestWithParam<BackEnd> {
 protected:
  DirectoryContract();
  ~DirectoryContract() override;
  DirectoryRepository open() { return {GetParam().open(folder_), clock_}; }
  Change::Status add_domain(std::string_view name);
  Change::Status add_mailbox(std::string_view name);
  Change::Status add_alias(std::string_view name, std::vector<std::string_view> targets,
                           bool keep_copy = false);

  std::string folder_;
  FakeClock clock_;
  Actor actor_{"uid 0 (root)", "cli"};
  DirectoryRepository directory_;
};

// The status of a change that the storage carried; a storage error fails the test.
Change::Status status_of(const Result<Change>& change);

}  // namespace toast::vdomain
