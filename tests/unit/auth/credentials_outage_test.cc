// The credentials file in every bad state: each is "try again later" with words for the operator,
// none is "no such credential", and each ends without a restart when the file is good again.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "auth/sqlite/credentials.h"
#include "base/migrations.h"
#include "schema/embedded.h"

namespace toast::auth {
namespace {

const WallTime kNow{std::chrono::seconds{1'800'000'000}};

class CredentialsOutage : public testing::Test {
 protected:
  CredentialsOutage() {
    char pattern[] = "/tmp/toast-outage-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/credentials.db";
  }
  ~CredentialsOutage() override {
    chmod(directory_.c_str(), 0700);
    std::filesystem::remove_all(directory_);
  }
  void make_database() {
    Result<sqlite::Connection> db = sqlite::Connection::open(path_, {sqlite::Access::create});
    ASSERT_TRUE(db) << db.error().detail;
    ASSERT_TRUE(apply_migrations(*db, schema::sqlite_credentials()));
    ASSERT_TRUE(SqliteCredentials(path_, {}).put("ann@example.org", "hash", kNow));
  }
  SqliteCredentials reader() { return {path_, {sqlite::Access::read, kNoPatience}}; }
  SqliteCredentials writer() { return {path_, {sqlite::Access::write, kNoPatience}}; }
  static void expect_down(CredentialsRepository& credentials, const char* says) {
    const Result<std::optional<Credential>> found = credentials.find("ann@example.org");
    ASSERT_FALSE(found) << "expected: " << says;
    EXPECT_EQ(found.error().failure, Failure::transient);
    EXPECT_NE(found.error().detail.find(says), std::string::npos) << found.error().detail;
  }
  static void expect_works(CredentialsRepository& credentials) {
    const Result<std::optional<Credential>> found = credentials.find("ann@example.org");
    ASSERT_TRUE(found) << found.error().detail;
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->hash, "hash");
  }
  template <class T>
  static void expect_transient(const Result<T>& result, const char* says) {
    ASSERT_FALSE(result) << "expected: " << says;
    EXPECT_EQ(result.error().failure, Failure::transient);
    EXPECT_NE(result.error().detail.find(says), std::string::npos) << result.error().detail;
  }

  static constexpr std::chrono::milliseconds kNoPatience{0};
  std::string directory_;
  std::string path_;
};

TEST_F(CredentialsOutage, Missing) {
  SqliteCredentials credentials = reader();
  expect_down(credentials, "is missing");
  EXPECT_FALSE(std::filesystem::exists(path_));  // looking does not create it
  make_database();
  expect_works(credentials);
  std::filesystem::rename(path_, path_ + ".away");
  expect_down(credentials, "is missing");
  std::filesystem::rename(path_ + ".away", path_);
  expect_works(credentials);
}

TEST_F(CredentialsOutage, EmptyOrOfNoSchema) {
  { std::ofstream touch(path_); }
  SqliteCredentials credentials = reader();
  expect_down(credentials, "toastctl schema migrate");
}

TEST_F(CredentialsOutage, ReplacedByARestore) {
  make_database();
  SqliteCredentials credentials = reader();
  expect_works(credentials);
  std::filesystem::remove(path_ + "-wal");
  std::filesystem::remove(path_ + "-shm");
  std::filesystem::copy_file(path_, path_ + ".new");
  {
    Result<sqlite::Connection> db = sqlite::Connection::open(path_ + ".new");
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->run("DELETE FROM credential"));
  }
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_EQ(credentials.find("ann@example.org").value(), std::nullopt);  // the new file's answer
}

TEST_F(CredentialsOutage, Corrupt) {
  make_database();
  SqliteCredentials open_before = reader();
  expect_works(open_before);
  const std::string good = path_ + ".good";
  std::filesystem::copy_file(path_, good);
  {
    std::ofstream rubbish(path_ + ".bad", std::ios::binary);
    rubbish << std::string(8192, 'x');
  }
  std::filesystem::rename(path_ + ".bad", path_);
  std::filesystem::remove(path_ + "-wal");
  std::filesystem::remove(path_ + "-shm");
  SqliteCredentials credentials = reader();
  expect_down(credentials, "is damaged");
  expect_down(open_before, "is damaged");
  std::filesystem::rename(good, path_);
  expect_works(credentials);
  expect_works(open_before);
}

TEST_F(CredentialsOutage, PagesDestroyedUnderneath) {
  make_database();
  {
    SqliteCredentials credentials = writer();
    for (int i = 0; i < 500; ++i)
      ASSERT_TRUE(credentials.put("user" + std::to_string(i), std::string(400, 'h'), kNow));
  }
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = std::filesystem::file_size(path_);
    file.seekp(4096);
    file << std::string(size - 4096, '\x5a');  // all but the first page
  }
  SqliteCredentials credentials = reader();
  expect_down(credentials, "is damaged");
}

TEST_F(CredentialsOutage, Locked) {
  make_database();
  SqliteCredentials credentials = reader();
  SqliteCredentials writing = writer();
  expect_works(credentials);
  Result<sqlite::Connection> other = sqlite::Connection::open(path_);
  ASSERT_TRUE(other);
  {
    Result<sqlite::Transaction> writes = sqlite::Transaction::begin(*other);
    ASSERT_TRUE(writes);
    expect_works(credentials);  // a writer does not stop readers
    expect_transient(writing.put("bob@example.org", "hash", kNow), "is locked");
    const LastLogin login{"ann@example.org", Service::pop3, kNow, "192.0.2.1"};
    expect_transient(writing.record_logins({&login, 1}), "is locked");
  }
  EXPECT_TRUE(writing.put("bob@example.org", "hash", kNow));
}

TEST_F(CredentialsOutage, LockedExclusively) {
  make_database();
  Result<sqlite::Connection> other = sqlite::Connection::open(path_);
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->execute_script("PRAGMA locking_mode=EXCLUSIVE"));
  {
    Result<sqlite::Transaction> writes = sqlite::Transaction::begin(*other);
    ASSERT_TRUE(writes);
    ASSERT_TRUE(other->run("DELETE FROM last_login"));
    ASSERT_TRUE(writes->commit());
  }
  SqliteCredentials credentials = reader();
  expect_down(credentials, "is locked");
  other = transient("closed");
  expect_works(credentials);
}

TEST_F(CredentialsOutage, ReadOnlyForThisConnection) {
  make_database();
  SqliteCredentials credentials = reader();
  expect_transient(credentials.put("bob@example.org", "hash", kNow), "read-only");
  expect_works(credentials);
}

TEST_F(CredentialsOutage, ReadOnlyFile) {
  make_database();
  // Root ignores modes; an unprivileged child does not.
  chmod(path_.c_str(), 0444);
  chmod(directory_.c_str(), 0555);
  const bool as_root = geteuid() == 0;
  if (as_root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  SqliteCredentials credentials = writer();
  const Result<void> put = credentials.put("bob@example.org", "hash", kNow);
  const Result<bool> removed = credentials.remove("ann@example.org");
  if (as_root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  chmod(directory_.c_str(), 0700);
  chmod(path_.c_str(), 0600);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().failure, Failure::transient);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().failure, Failure::transient);
  expect_works(credentials);
  EXPECT_TRUE(credentials.put("bob@example.org", "hash", kNow));
}

TEST_F(CredentialsOutage, NewerThanTheProgram) {
  make_database();
  {
    Result<sqlite::Connection> db = sqlite::Connection::open(path_);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->run("UPDATE schema_version SET version=900, works_with=900"));
  }
  SqliteCredentials credentials = reader();
  expect_down(credentials, "upgrade this program");
  {
    Result<sqlite::Connection> db = sqlite::Connection::open(path_);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->run("UPDATE schema_version SET works_with=1"));  // newer, but still ours to use
  }
  expect_works(credentials);
}

TEST_F(CredentialsOutage, AHashNoProgramOfOursWrote) {
  make_database();
  {
    Result<sqlite::Connection> db = sqlite::Connection::open(path_);
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->run("UPDATE credential SET hash=?", std::string(kMaxHashBytes + 1, 'h')));
  }
  SqliteCredentials credentials = reader();
  expect_down(credentials, "over 512 bytes");
}

}  // namespace
}  // namespace toast::auth
