#include "tests/contract/directory/back_ends.h"

namespace toast::vdomain {

using Status = Change::Status;

TEST_P(DirectoryContract, AnAliasKeepsItsTargetsInOrder) {
  add_domain("example.org");
  EXPECT_EQ(add_alias("Sales@example.org", {"z@x.test", "a@x.test", "\"odd one\"@y.test"}),
            Status::changed);
  const auto found = directory_.find_alias(address("sales@EXAMPLE.org")).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->address, address("sales@example.org"));
  EXPECT_EQ(found->targets, (std::vector<Address>{address("z@x.test"), address("a@x.test"),
                                                  address("\"odd one\"@y.test")}));
  EXPECT_EQ(add_alias("sales@example.org", {"z@x.test", "a@x.test", "\"odd one\"@y.test"}),
            Status::unchanged);
  EXPECT_EQ(add_alias("sales@example.org", {"z@x.test"}), Status::conflict);
}

TEST_P(DirectoryContract, AnAliasMayStandBesideAMailbox) {
  add_domain("example.org");
  EXPECT_EQ(add_alias("ann@example.org", {"x@other.test"}, true), Status::invalid);
  add_mailbox("ann@example.org");
  EXPECT_EQ(add_alias("ann@example.org", {"x@other.test"}, true), Status::changed);
  EXPECT_TRUE(directory_.find_alias(address("ann@example.org")).value()->keep_copy);
}

TEST_P(DirectoryContract, SetAliasReplacesAllTargets) {
  add_domain("example.org");
  add_alias("sales@example.org", {"a@x.test", "b@x.test"});
  Alias alias = *directory_.find_alias(address("sales@example.org")).value();
  const Alias stale = alias;
  alias.targets = {address("c@x.test")};
  EXPECT_EQ(status_of(directory_.set_alias(alias, actor_)), Status::changed);
  const auto now = *directory_.find_alias(address("sales@example.org")).value();
  EXPECT_EQ(now.targets, alias.targets);
  Alias late = stale;
  late.targets = {address("d@x.test")};
  EXPECT_EQ(status_of(directory_.set_alias(late, actor_)), Status::conflict);
  EXPECT_EQ(status_of(directory_.set_alias(now, actor_)), Status::unchanged);
}

TEST_P(DirectoryContract, AliasesThatMakeNoSenseAreRefused) {
  add_domain("example.org");
  EXPECT_EQ(add_alias("a@example.org", {}), Status::invalid);
  EXPECT_EQ(add_alias("a@example.org", {"b@x.test", "b@x.test"}), Status::invalid);
  EXPECT_EQ(add_alias("\"\"@example.org", {"b@x.test"}), Status::invalid);
  EXPECT_EQ(add_alias("a@nowhere.test", {"b@x.test"}), Status::not_found);
  Alias crowd{.address = address("a@example.org")};
  for (std::size_t i = 0; i <= kMaxAliasTargets; ++i)
    crowd.targets.push_back(address("u" + std::to_string(i) + "@x.test"));
  EXPECT_EQ(status_of(directory_.add_alias(crowd, actor_)), Status::invalid);
  crowd.targets.pop_back();
  EXPECT_EQ(status_of(directory_.add_alias(crowd, actor_)), Status::changed);
  EXPECT_EQ(directory_.find_alias(crowd.address).value()->targets.size(), kMaxAliasTargets);
}

TEST_P(DirectoryContract, RemovedAliasesAreGoneWithTheirTargets) {
  add_domain("example.org");
  add_alias("sales@example.org", {"a@x.test"});
  EXPECT_EQ(status_of(directory_.remove_alias(address("SALES@example.org"), actor_)),
            Status::changed);
  EXPECT_FALSE(directory_.find_alias(address("sales@example.org")).value());
  EXPECT_EQ(status_of(directory_.remove_alias(address("sales@example.org"), actor_)),
            Status::not_found);
  EXPECT_EQ(add_alias("sales@example.org", {"b@x.test"}), Status::changed);
  EXPECT_EQ(directory_.find_alias(address("sales@example.org")).value()->targets,
            (std::vector<Address>{address("b@x.test")}));
}

TEST_P(DirectoryContract, ListsOfAliases) {
  add_domain("example.org");
  add_alias("b@example.org", {"x@x.test", "y@x.test"});
  add_alias("a@example.org", {"x@x.test"});
  const auto page = directory_.list_aliases({.domain = domain("example.org")}).value();
  ASSERT_EQ(page.items.size(), 2U);
  EXPECT_EQ(page.items[0].address, address("a@example.org"));
  EXPECT_EQ(page.items[1].targets.size(), 2U);
}

}  // namespace toast::vdomain
