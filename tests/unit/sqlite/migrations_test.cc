#include "base/migrations.h"

#include <thread>

#include "schema/embedded.h"
#include "tests/unit/sqlite/temporary_database.h"

namespace toast {

namespace {

const Migration kOne{1, "0001_one", 1, "CREATE TABLE one (a INTEGER) STRICT"};
const Migration kTwo{2, "0002_two", 1, "CREATE TABLE two (a INTEGER) STRICT"};  // only adds
const Migration kThree{3, "0003_three", 2, "DROP TABLE one"};  // programs from 2 on do without it
const Migration kBad{2, "0002_bad", 1, "CREATE TABLE two (a INTEGER) STRICT; nonsense"};

bool has_table(sqlite::Connection& db, std::string_view name) {
  return db.query("SELECT 1 FROM sqlite_schema WHERE name = ?", name).value().step().value();
}

}  // namespace

class MigrationsTest : public sqlite::DatabaseTest {
 protected:
  sqlite::Connection open() {
    return sqlite::Connection::open(path_, {.access = sqlite::Access::create}).value();
  }
};

TEST_F(MigrationsTest, AreAppliedOnceInOrder) {
  sqlite::Connection db = open();
  const Migration first[] = {kOne};
  const Migration all[] = {kOne, kTwo, kThree};
  EXPECT_EQ(schema_status(db, first)->version, 0);
  EXPECT_EQ(apply_migrations(db, first).value(), 1);
  EXPECT_EQ(apply_migrations(db, first).value(), 0);
  EXPECT_EQ(apply_migrations(db, all).value(), 2);
  EXPECT_EQ(apply_migrations(db, all).value(), 0);
  const SchemaStatus status = schema_status(db, all).value();
  EXPECT_EQ(status.version, 3);
  EXPECT_EQ(status.works_with, 2);
  EXPECT_TRUE(status.up_to_date());
  EXPECT_FALSE(has_table(db, "one"));
}

TEST_F(MigrationsTest, AFailedOneLeavesNothingBehind) {
  sqlite::Connection db = open();
  const Migration bad[] = {kOne, kBad};
  const auto failed = apply_migrations(db, bad);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().detail.substr(0, 20), "migration 0002_bad: ");
  EXPECT_FALSE(has_table(db, "one"));
  EXPECT_FALSE(has_table(db, "two"));
  const Migration good[] = {kOne, kTwo};
  EXPECT_EQ(apply_migrations(db, good).value(), 2);
}

TEST_F(MigrationsTest, WhoMayUseWhichSchema) {
  sqlite::Connection db = open();
  const Migration knows1[] = {kOne};
  const Migration knows2[] = {kOne, kTwo};
  const Migration knows3[] = {kOne, kTwo, kThree};
  ASSERT_TRUE(apply_migrations(db, knows2));
  EXPECT_TRUE(check_schema(db, knows2));
  EXPECT_TRUE(check_schema(db, knows1));  // the one before runs on while nodes are upgraded
  EXPECT_EQ(apply_migrations(db, knows1).value(), 0);
  const auto too_old = check_schema(db, knows3);
  ASSERT_FALSE(too_old);
  EXPECT_EQ(too_old.error().detail,
            "database " + path_ +
                " has schema version 2, this program needs version 3: run toastctl schema migrate");
  ASSERT_TRUE(apply_migrations(db, knows3));
  EXPECT_TRUE(check_schema(db, knows2));
  const std::string too_new = "database " + path_ +
                              " has schema version 3, which needs a program that knows version 2; "
                              "this program knows version 1: upgrade this program";
  EXPECT_EQ(check_schema(db, knows1).error().detail, too_new);
  EXPECT_EQ(apply_migrations(db, knows1).error().detail, too_new);
  EXPECT_EQ(check_schema(db, knows1).error().failure, Failure::transient);
}

TEST_F(MigrationsTest, TwoMigratorsAtOnceTakeTurns) {
  const Migration all[] = {kOne, kTwo};
  int applied[2] = {-1, -1};
  {
    std::thread other([&] {
      sqlite::Connection db = open();
      applied[0] = apply_migrations(db, all).value_or(-1);
    });
    sqlite::Connection db = open();
    applied[1] = apply_migrations(db, all).value_or(-1);
    other.join();
  }
  EXPECT_EQ(applied[0] + applied[1], 2);
  EXPECT_GE(std::min(applied[0], applied[1]), 0);
}

TEST_F(MigrationsTest, TheEmbeddedOnesApply) {
  for (const auto migrations : {schema::sqlite_directory(), schema::sqlite_credentials()}) {
    ASSERT_FALSE(migrations.empty());
    sqlite::Connection db =
        sqlite::Connection::open(folder_ + "/" + std::to_string(migrations.front().sql.size()),
                                 {.access = sqlite::Access::create})
            .value();
    EXPECT_EQ(apply_migrations(db, migrations).value(), static_cast<int>(migrations.size()));
    EXPECT_TRUE(check_schema(db, migrations));
  }
}

}  // namespace toast
