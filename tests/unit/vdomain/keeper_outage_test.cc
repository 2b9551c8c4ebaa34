// Each way a database can be away: what is answered, what the operator reads, and that it heals.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/sqlite.h"
#include "schema/embedded.h"
#include "tests/unit/vdomain/keeper_fixture.h"

namespace toast::vdomain {

namespace fs = std::filesystem;

const std::int64_t kNewest = schema::sqlite_directory().back().number;

class KeeperOutage : public KeeperTest {
 protected:
  KeeperOutage() {
    add_domain("a.test");
    add_mailbox("ann@a.test");
    add_mailbox("bob@a.test");
    EXPECT_EQ(check("ann@a.test"), "accept");  // cached from here on; bob is not
    EXPECT_EQ(check("who@a.test"), "unknown");
    EXPECT_EQ(account("ann@a.test"), "ann@a.test a.test/ann/Maildir allowed");
  }
  // Positive answers of before count, nothing else is known; `why` is what the operator reads.
  void expect_outage(const std::string& why) {
    const std::string away = "transient: " + why;
    EXPECT_EQ(check("ann@a.test"), "accept");
    EXPECT_EQ(resolve("ann@a.test"), "maildir a.test/ann/Maildir;");
    EXPECT_EQ(account("ann@a.test"), "ann@a.test a.test/ann/Maildir allowed");
    EXPECT_EQ(check("bob@a.test"), away);
    EXPECT_EQ(check("who@a.test"), away);  // "unknown" is never remembered
    EXPECT_EQ(check("x@elsewhere.test"), away);
    EXPECT_EQ(account("who@a.test"), away);
    EXPECT_EQ(without_root(log_.events.back()), "directory.database.unavailable " + why);
  }
  void expect_healed() {
    wait();
    EXPECT_EQ(check("bob@a.test"), "accept");
    EXPECT_EQ(check("who@a.test"), "unknown");
    EXPECT_EQ(log_.events.back(), "directory.database.available");
  }
  void move_away() {
    for (const auto* suffix : {"", "-wal", "-shm"})
      if (fs::exists(database_ + suffix))
        fs::rename(database_ + suffix, database_ + ".old" + suffix);
  }
  void move_back() {
    for (const auto* suffix : {"", "-wal", "-shm"}) {
      fs::remove(database_ + suffix);
      if (fs::exists(database_ + ".old" + suffix))
        fs::rename(database_ + ".old" + suffix, database_ + suffix);
    }
  }
};

TEST_F(KeeperOutage, Locked) {
  sqlite::Connection other = sqlite::Connection::open(database_, {}).value();
  restart();  // nobody can lock the whole file while a reader has it open
  ASSERT_TRUE(other.execute_script("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE"));
  const std::string why = "database ROOT/db/directory.db is locked by another process; try again";
  EXPECT_EQ(check("ann@a.test"), "transient: " + why);
  EXPECT_EQ(check("who@a.test"), "transient: " + why);
  EXPECT_EQ(without_root(log_.events.back()), "directory.database.unavailable " + why);
  ASSERT_TRUE(other.execute_script("COMMIT; PRAGMA locking_mode=NORMAL"));
  (void)other.query("SELECT count(*) FROM domain")->step();  // gives the lock back
  expect_healed();
}

TEST_F(KeeperOutage, AWriterInTheMiddleOfItsWorkIsNoOutage) {
  sqlite::Connection other = sqlite::Connection::open(database_, {}).value();
  auto transaction = sqlite::Transaction::begin(other).value();
  ASSERT_TRUE(other.run("DELETE FROM mailbox"));
  wait();
  EXPECT_EQ(check("bob@a.test"), "accept");
  EXPECT_EQ(check("who@a.test"), "unknown");
}

TEST_F(KeeperOutage, Missing) {
  move_away();
  wait();
  expect_outage(
      "database ROOT/db/directory.db is missing: restore it from a backup, or, for a new server, "
      "create it with toastctl schema migrate");
  move_back();
  expect_healed();
}

TEST_F(KeeperOutage, MissingAtTheStart) {
  move_away();
  restart();
  EXPECT_FALSE(keeper_->ready());
  EXPECT_EQ(check("ann@a.test").substr(0, 10), "transient:");
  EXPECT_FALSE(fs::exists(database_)) << "an empty directory would bounce everybody's mail";
  move_back();
  expect_healed();
}

TEST_F(KeeperOutage, Corrupt) {
  move_away();
  std::ofstream(database_) << std::string(8192, 'x');
  wait();
  expect_outage(
      "database ROOT/db/directory.db is damaged (file is not a database): restore it from a "
      "backup");
  move_back();
  expect_healed();
}

TEST_F(KeeperOutage, CorruptInTheMiddle) {
  {
    sqlite::Connection db = sqlite::Connection::open(database_, {}).value();
    ASSERT_TRUE(db.execute_script("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  keeper_.reset();
  const auto size = fs::file_size(database_);
  fs::copy_file(database_, database_ + ".copy");
  std::fstream file(database_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);  // the schema on the first page stays
  file << std::string(size - 4096, '\xff');
  file.close();
  restart();
  const std::string got = check("ann@a.test");
  EXPECT_NE(got.find("is damaged"), std::string::npos) << got;
  EXPECT_EQ(got.substr(0, 10), "transient:");
  fs::rename(database_ + ".copy", database_);
  expect_healed();
}

TEST_F(KeeperOutage, EmptyFile) {
  move_away();
  std::ofstream(database_).close();
  wait();
  expect_outage("database ROOT/db/directory.db has schema version 0, this program needs version " +
                std::to_string(kNewest) + ": run toastctl schema migrate");
  move_back();
  expect_healed();
}

TEST_F(KeeperOutage, NewerThanTheProgram) {
  {
    sqlite::Connection db = sqlite::Connection::open(database_, {}).value();
    ASSERT_TRUE(db.run("UPDATE schema_version SET version = 9, works_with = 8"));
  }
  expect_outage(
      "database ROOT/db/directory.db has schema version 9, which needs a program that knows "
      "version 8; this program knows version " +
      std::to_string(kNewest) + ": upgrade this program");
  {
    sqlite::Connection db = sqlite::Connection::open(database_, {}).value();
    ASSERT_TRUE(db.run("UPDATE schema_version SET version = ?, works_with = 1", kNewest));
  }
  expect_healed();
}

TEST_F(KeeperOutage, NewerButStillUsable) {
  sqlite::Connection db = sqlite::Connection::open(database_, {}).value();
  ASSERT_TRUE(db.run("UPDATE schema_version SET version = ?", kNewest + 1));
  EXPECT_EQ(check("bob@a.test"), "accept");
  EXPECT_EQ(check("who@a.test"), "unknown");
}

TEST_F(KeeperOutage, ReadOnlyServesReadersAndTellsWriters) {
  // Root may write anything: the test continues as an account that may not.
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(::chmod((root_ + "/db").c_str(), 0555), 0);
  ASSERT_EQ(::chmod(root_.c_str(), 0755), 0);
  for (const auto* suffix : {"", "-wal", "-shm"}) ::chmod((database_ + suffix).c_str(), 0444);
  if (root) ASSERT_EQ(::seteuid(65534), 0);
  restart();
  EXPECT_EQ(check("bob@a.test"), "accept");
  EXPECT_EQ(check("who@a.test"), "unknown");
  auto db = sqlite::Connection::open(database_, {});
  ASSERT_TRUE(db) << db.error().detail;
  const auto written = db->run("UPDATE generation SET value = 7");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().failure, Failure::transient);
  EXPECT_EQ(without_root(written.error().detail),
            "database ROOT/db/directory.db is read-only: check owner and mode of the file and its "
            "directory, and that the file system is mounted writable");
  if (root) ASSERT_EQ(::seteuid(0), 0);
  ::chmod((root_ + "/db").c_str(), 0755);
}

TEST_F(KeeperOutage, ADamagedRowIsThatRowsTrouble) {
  sqlite::Connection db = sqlite::Connection::open(database_, {}).value();
  ASSERT_TRUE(db.run("UPDATE mailbox SET maildir = '' WHERE local_part = 'bob'"));
  EXPECT_EQ(check("bob@a.test"),
            "transient: directory database: table mailbox holds \"\", which is not valid there; "
            "restore it or correct it");
  EXPECT_EQ(check("ann@a.test"), "accept");
  EXPECT_EQ(check("who@a.test"), "unknown");
}

}  // namespace toast::vdomain
