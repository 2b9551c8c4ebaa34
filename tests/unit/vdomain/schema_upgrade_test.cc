// Each release's programs work on the next release's schema, and rows of before keep their meaning.
#include <gtest/gtest.h>

#include "schema/embedded.h"
#include "tests/unit/sqlite/temporary_database.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::vdomain {
namespace {

// What the first release writes.
constexpr std::string_view kFirstInsert =
    "INSERT INTO domain (name, incoming_suspended, outgoing_suspended, login_suspended, catch_all,"
    " catch_all_target, sub_addressing, default_quota_bytes, default_quota_messages, max_mailboxes,"
    " max_aliases, max_lists, max_messages_per_day, created_at, version)"
    " VALUES (?, NULL, NULL, NULL, 'refuse', NULL, '+', 0, 0, NULL, NULL, NULL, NULL, 1, 1)";

using SchemaUpgrade = sqlite::DatabaseTest;

TEST_F(SchemaUpgrade, TheFirstReleasesRowsAndPrograms) {
  sqlite::Connection old =
      sqlite::Connection::open(path_, {.access = sqlite::Access::create}).value();
  ASSERT_EQ(apply_migrations(old, schema::sqlite_directory().first(1)).value(), 1);
  ASSERT_TRUE(old.run(kFirstInsert, "before.test"));
  ASSERT_TRUE(migrate_sqlite_directory(path_));
  EXPECT_TRUE(check_schema(old, schema::sqlite_directory().first(1)));
  ASSERT_TRUE(old.run(kFirstInsert, "after.test"));
  auto store = open_sqlite_directory(path_, {}).value();
  for (const std::string_view name : {"before.test", "after.test"}) {
    const auto found = store->domain(Domain::parse(name).value()).value();
    ASSERT_TRUE(found) << name;
    EXPECT_FALSE(found->lmtp);
  }
}

}  // namespace
}  // namespace toast::vdomain
