#include "base/sqlite.h"

#include <fstream>

#include "tests/unit/sqlite/temporary_database.h"

namespace toast::sqlite {

TEST_F(DatabaseTest, ValuesComeBackAsTheyWereBound) {
  Connection db = create();
  const std::string odd("a\0b'\xff", 5);
  EXPECT_EQ(db.run("INSERT INTO t VALUES (?, ?)", 1, odd).value(), 1);
  EXPECT_EQ(db.run("INSERT INTO t VALUES (?, ?)", std::int64_t{1} << 40, "").value(), 1);
  EXPECT_EQ(db.run("INSERT INTO t VALUES (?, ?)", 3, std::optional<std::string>()).value(), 1);
  Statement row = db.query("SELECT k, v FROM t ORDER BY k").value();
  ASSERT_TRUE(row.step().value());
  EXPECT_EQ(row.text(1), odd);
  ASSERT_TRUE(row.step().value());
  EXPECT_TRUE(row.is_null(1));
  EXPECT_FALSE(row.optional_string(1));
  ASSERT_TRUE(row.step().value());
  EXPECT_EQ(row.integer(0), std::int64_t{1} << 40);
  EXPECT_FALSE(row.is_null(1));  // an empty string is not NULL
  EXPECT_EQ(row.optional_string(1), "");
  EXPECT_FALSE(row.step().value());
}

TEST_F(DatabaseTest, AStatementWithinItselfIsAnother) {
  Connection db = create();
  for (int k = 1; k <= 3; ++k) ASSERT_TRUE(db.run("INSERT INTO t VALUES (?, 'x')", k));
  int pairs = 0;
  Statement outer = db.query("SELECT k FROM t").value();
  while (outer.step().value()) {
    Statement inner = db.query("SELECT k FROM t").value();
    while (inner.step().value()) ++pairs;
  }
  EXPECT_EQ(pairs, 9);
}

TEST_F(DatabaseTest, TooManyValuesAreAnError) {
  Connection db = create();
  EXPECT_FALSE(db.run("INSERT INTO t VALUES (?, 'x')", 1, 2));
}

TEST_F(DatabaseTest, ATransactionRollsBackUnlessCommitted) {
  Connection db = create();
  {
    Transaction transaction = Transaction::begin(db).value();
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (1, 'x')"));
  }
  EXPECT_EQ(count(db), 0);
  {
    Transaction transaction = Transaction::begin(db).value();
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (1, 'x')"));
    ASSERT_TRUE(transaction.commit());
  }
  EXPECT_EQ(count(db), 1);
}

TEST_F(DatabaseTest, AViolatedConstraintIsPermanentAllElseIsNot) {
  Connection db = create();
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (1, 'x')"));
  const auto twice = db.run("INSERT INTO t VALUES (1, 'x')");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().failure, Failure::permanent);
  const auto no_table = db.run("DELETE FROM missing");
  ASSERT_FALSE(no_table);
  EXPECT_EQ(no_table.error().failure, Failure::transient);
  EXPECT_NE(no_table.error().detail.find("run toastctl schema migrate"), std::string::npos);
  for (const int code : {5, 6, 8, 10, 11, 13, 14, 26, 1, 7, 21})  // SQLITE_BUSY ... SQLITE_MISUSE
    EXPECT_EQ(make_error(code, "x.db", "text").failure, Failure::transient) << code;
}

TEST_F(DatabaseTest, TwoWritersTakeTurnsOrSayLocked) {
  Connection first = create();
  Connection second =
      Connection::open(path_, {.busy_timeout = std::chrono::milliseconds{1}}).value();
  Transaction transaction = Transaction::begin(first).value();
  const auto locked = Transaction::begin(second);
  ASSERT_FALSE(locked);
  EXPECT_EQ(locked.error().failure, Failure::transient);
  EXPECT_EQ(locked.error().detail,
            "database " + path_ + " is locked by another process; try again");
  EXPECT_EQ(count(second), 0);  // reading goes on
}

TEST_F(DatabaseTest, AReaderCannotWrite) {
  Connection db = create();
  Connection reader = Connection::open(path_, {.access = Access::read}).value();
  EXPECT_FALSE(reader.run("INSERT INTO t VALUES (1, 'x')"));
}

TEST_F(DatabaseTest, OnlyCreateMakesAFile) {
  for (const Access access : {Access::read, Access::write}) {
    const auto missing = Connection::open(path_, {.access = access});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().failure, Failure::transient);
    EXPECT_EQ(missing.error().detail,
              "database " + path_ +
                  " is missing: restore it from a backup, or, for a new server, create it with "
                  "toastctl schema migrate");
    EXPECT_FALSE(std::filesystem::exists(path_));
  }
}

TEST_F(DatabaseTest, WhatIsNoDatabaseIsDamaged) {
  std::ofstream(path_) << std::string(4096, 'x');
  const auto damaged = Connection::open(path_, {.access = Access::create});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().detail,
            "database " + path_ + " is damaged (file is not a database): restore it from a backup");
}

TEST_F(DatabaseTest, DataVersionSeesTheCommitsOfOthers) {
  Connection db = create();
  Connection reader = Connection::open(path_, {.access = Access::read}).value();
  const auto before = reader.data_version().value();
  EXPECT_EQ(reader.data_version().value(), before);
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (1, 'x')"));
  EXPECT_NE(reader.data_version().value(), before);
}

TEST_F(DatabaseTest, ASnapshotIsOfOneMoment) {
  Connection db = create();
  Connection reader = Connection::open(path_, {.access = Access::read}).value();
  const auto count = [&] {
    auto row = reader.query("SELECT count(*) FROM t").value();
    EXPECT_TRUE(row.step().value());
    return row.integer(0);
  };
  std::int64_t version = 0;
  {
    const Snapshot snapshot = Snapshot::begin(reader).value();
    EXPECT_EQ(count(), 0);
    version = reader.data_version().value();
    ASSERT_TRUE(db.run("INSERT INTO t VALUES (1, 'x')"));
    EXPECT_EQ(count(), 0);
    EXPECT_EQ(reader.data_version().value(), version);
    EXPECT_FALSE(Snapshot::begin(reader)) << "one inside the other";
  }
  const Snapshot later = Snapshot::begin(reader).value();
  EXPECT_EQ(count(), 1);
  EXPECT_NE(reader.data_version().value(), version);
}

TEST_F(DatabaseTest, KnowsWhenItsFileIsGoneOrReplaced) {
  Connection db = create();
  EXPECT_TRUE(db.check_file_in_place());
  std::filesystem::rename(path_, path_ + ".old");
  EXPECT_FALSE(db.check_file_in_place());
  std::ofstream(path_).close();
  EXPECT_FALSE(db.check_file_in_place());
}

}  // namespace toast::sqlite
