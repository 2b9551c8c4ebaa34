// A MariaDB server that is killed, restarted, read-only, full, locked, slow: the repositories
// answer "not now" and nothing else, and work again without being opened anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <thread>

#include "auth/mariadb/credentials.h"
#include "schema/embedded.h"
#include "tests/contract/mariadb/private_server.h"
#include "vdomain/directory_keeper.h"
#include "vdomain/directory_repository.h"
#include "vdomain/mariadb/directory_store.h"
#include "vdomain/mariadb/live_directory.h"

namespace toast {
namespace {

using mariadb::Options;
using mariadb::Servers;
using testing::HasSubstr;
using vdomain::Change;

constexpr mariadb::Patience kShort{std::chrono::seconds{1}, std::chrono::seconds{2},
                                   std::chrono::seconds{1}};
const WallTime kNow{std::chrono::seconds{1'800'000'000}};

class MariadbOutage : public testing::Test {
 protected:
  MariadbOutage() {
    server_.make_database("directory", schema::mariadb_directory());
    server_.make_database("credentials", schema::mariadb_credentials());
    // Root may do what others may not: write on a read-only server, have one connection more.
    server_.sql("CREATE USER plain@localhost");
    server_.sql("GRANT ALL ON directory.* TO plain@localhost");
    server_.sql("GRANT ALL ON credentials.* TO plain@localhost");
    EXPECT_TRUE(writer().add_domain({.name = Domain::parse("a.test").value()}, actor_)->ok());
    add("ann");
    EXPECT_TRUE(credentials_.put("ann@a.test", "hash", kNow));
  }

  std::shared_ptr<Servers> servers(const std::string& database) {
    Options options = server_.options(database);
    options.user = "plain";
    options.patience = kShort;
    return std::make_shared<Servers>(std::move(options), clock_);
  }
  vdomain::DirectoryRepository& writer() { return directory_; }
  Result<Change> add(const std::string& name) {
    return directory_.add_mailbox({.address = Address::parse(name + "@a.test").value()}, actor_);
  }

  // What reading and writing say: "ok", or the operator's text of a transient error.
  template <class T>
  static std::string said(const Result<T>& result) {
    if (result) return "ok";
    EXPECT_EQ(result.error().failure, Failure::transient) << result.error().detail;
    return result.error().detail;
  }
  std::string reads_directory() {
    const auto found = directory_.find_mailbox(Address::parse("ann@a.test").value());
    if (found) EXPECT_TRUE(*found) << "an outage looks like an unknown mailbox";
    return said(found);
  }
  std::string reads_credentials() {
    const auto found = credentials_.find("ann@a.test");
    if (found) EXPECT_TRUE(*found) << "an outage looks like an unknown account";
    return said(found);
  }
  std::string writes_directory() { return said(add("new" + std::to_string(++added_))); }
  std::string writes_credentials() { return said(credentials_.put("ann@a.test", "hash", kNow)); }

  void expect_all(const std::string& words) {
    EXPECT_THAT(reads_directory(), HasSubstr(words));
    EXPECT_THAT(reads_credentials(), HasSubstr(words));
    EXPECT_THAT(writes_directory(), HasSubstr(words));
    EXPECT_THAT(writes_credentials(), HasSubstr(words));
  }
  void expect_healed() {
    clock_.advance(std::chrono::seconds{1});
    EXPECT_EQ(reads_directory(), "ok");
    EXPECT_EQ(reads_credentials(), "ok");
    EXPECT_EQ(writes_directory(), "ok");
    EXPECT_EQ(writes_credentials(), "ok");
  }

  static mariadb::PrivateServer& own_server() {
    static mariadb::PrivateServer server;
    return server;
  }
  // Each test finds the server empty.
  struct Emptied {
    explicit Emptied(mariadb::PrivateServer& server) : server_(server) { clear(); }
    ~Emptied() { clear(); }
    void clear() {
      server_.sql("SET GLOBAL read_only = 0");
      server_.sql("SET GLOBAL max_connections = 151");
      server_.sql("DROP DATABASE IF EXISTS directory");
      server_.sql("DROP DATABASE IF EXISTS credentials");
      server_.sql("DROP USER IF EXISTS plain@localhost");
    }
    mariadb::PrivateServer& server_;
  };

  mariadb::PrivateServer& server_ = own_server();
  Emptied emptied_{server_};
  FakeClock clock_;
  vdomain::Actor actor_{"test", "test"};
  int added_ = 0;
  vdomain::DirectoryRepository directory_{vdomain::mariadb_directory(servers("directory")), clock_};
  auth::MariadbCredentials credentials_{servers("credentials")};
};

TEST_F(MariadbOutage, KilledAndRestarted) {
  expect_healed();
  server_.kill();
  expect_all("cannot be reached");
  server_.start();
  expect_healed();
}

TEST_F(MariadbOutage, ARestartBetweenTwoQuestionsIsNotNoticed) {
  EXPECT_EQ(reads_directory(), "ok");
  server_.kill();
  server_.start();
  EXPECT_EQ(reads_directory(), "ok");
  EXPECT_EQ(writes_directory(), "ok");
  EXPECT_EQ(reads_credentials(), "ok");
}

TEST_F(MariadbOutage, ReadOnly) {
  server_.sql("SET GLOBAL read_only = 1");
  EXPECT_EQ(reads_directory(), "ok");
  EXPECT_EQ(reads_credentials(), "ok");
  EXPECT_THAT(writes_directory(), HasSubstr("is read-only"));
  EXPECT_THAT(writes_credentials(), HasSubstr("is read-only"));
  server_.sql("SET GLOBAL read_only = 0");
  expect_healed();
}

TEST_F(MariadbOutage, OutOfConnections) {
  server_.kill();  // nobody is connected any more
  server_.start();
  server_.sql("SET GLOBAL max_connections = 10");
  std::vector<mariadb::Connection> others;
  Options options = server_.options("directory");
  options.user = "plain";
  for (int i = 0; i < 12; ++i)
    if (auto one = mariadb::Connection::open(options, server_.address()))
      others.push_back(std::move(*one));
  clock_.advance(std::chrono::seconds{1});
  expect_all("has no connection left");
  others.clear();
  server_.sql("SET GLOBAL max_connections = 151");
  expect_healed();
}

TEST_F(MariadbOutage, Slow) {
  EXPECT_EQ(reads_directory(), "ok");
  EXPECT_EQ(reads_credentials(), "ok");
  server_.pause();  // takes connections and answers nothing
  EXPECT_NE(reads_directory(), "ok");
  EXPECT_NE(reads_credentials(), "ok");
  EXPECT_NE(writes_directory(), "ok");
  EXPECT_NE(writes_credentials(), "ok");
  server_.resume();
  expect_healed();
}

TEST_F(MariadbOutage, LockedBySomebodyElse) {
  EXPECT_EQ(reads_directory(), "ok");
  mariadb::Connection other =
      mariadb::Connection::open(server_.options("directory"), server_.address()).value();
  ASSERT_TRUE(other.execute("START TRANSACTION"));
  ASSERT_TRUE(other.run("UPDATE generation SET value = value + 1", {}));
  EXPECT_EQ(reads_directory(), "ok");
  EXPECT_THAT(writes_directory(), HasSubstr("is locked by somebody else"));
  ASSERT_TRUE(other.execute("ROLLBACK"));
  ASSERT_TRUE(other.execute("LOCK TABLES mailbox WRITE, domain WRITE"));
  EXPECT_NE(reads_directory(), "ok");
  ASSERT_TRUE(other.execute("UNLOCK TABLES"));
  expect_healed();
}

TEST_F(MariadbOutage, OfAnInterruptedTransactionNothingIsStored) {
  auto& store = directory_.store();
  {
    auto transaction = store.begin().value();
    ASSERT_TRUE(transaction->insert_domain({.name = Domain::parse("b.test").value()}));
    server_.kill();
    server_.start();
    EXPECT_FALSE(transaction->insert_domain({.name = Domain::parse("c.test").value()}));
    EXPECT_FALSE(transaction->insert_domain({.name = Domain::parse("d.test").value()}));
    EXPECT_FALSE(transaction->commit());
  }
  for (const auto* name : {"b.test", "c.test", "d.test"})
    EXPECT_FALSE(store.domain(Domain::parse(name).value()).value()) << name;
  expect_healed();
}

TEST_F(MariadbOutage, AViolatedConstraintIsNoOutage) {
  auto transaction = directory_.store().begin().value();
  const auto twice = transaction->insert_domain({.name = Domain::parse("a.test").value()});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().failure, Failure::permanent);
}

// --- the keeper of the directory over it

class EventList final : public Logger {
 public:
  void write(Severity, std::string_view event, std::initializer_list<Field>) override {
    events.emplace_back(event);
  }
  std::vector<std::string> events;
};

class MariadbKeeper : public MariadbOutage {
 protected:
  std::string check(const std::string& name) {
    const auto answer = keeper_.check({Address::parse(name + "@a.test").value(), 0});
    if (!answer) {
      EXPECT_EQ(answer.error().failure, Failure::transient);
      return "not now";
    }
    return answer->verdict == vdomain::CheckRecipient::Verdict::accept ? "accept" : "unknown";
  }
  EventList log_;
  Metrics metrics_;
  vdomain::DirectoryKeeper keeper_{
      {.database = {},
       .mail = "/nonexistent",
       .host = Domain::parse("mx.test").value(),
       .source =
           [this] {
             return std::make_unique<vdomain::MariadbLiveDirectory>(
                 servers("directory"), std::make_shared<vdomain::OutageReport>("directory", log_),
                 clock_);
           }},
      clock_,
      log_,
      metrics_};
};

TEST_F(MariadbKeeper, InAnOutageOnlyWhatTurnsNobodyAwayIsRepeated) {
  add("bob");
  EXPECT_EQ(check("ann"), "accept");
  EXPECT_EQ(check("who"), "unknown");
  server_.kill();
  clock_.advance(std::chrono::seconds{2});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(check("ann"), "accept");
    EXPECT_EQ(check("bob"), "not now");
    EXPECT_EQ(check("who"), "not now");
    clock_.advance(std::chrono::seconds{2});
  }
  EXPECT_THAT(log_.events, testing::Each("directory.database.unavailable"));
  server_.start();
  clock_.advance(std::chrono::seconds{2});
  EXPECT_EQ(check("bob"), "accept");
  EXPECT_EQ(check("who"), "unknown");
  EXPECT_EQ(log_.events.back(), "directory.database.available");
}

TEST_F(MariadbKeeper, ANewMailboxIsKnownAtOnce) {
  EXPECT_EQ(check("new"), "unknown");
  add("new");
  EXPECT_EQ(check("new"), "accept");
}

TEST_F(MariadbKeeper, ASchemaThatItCannotUseIsAnOutage) {
  server_.sql(
      "UPDATE directory.schema_version SET version = version + 90, works_with = works_with + 90");
  EXPECT_EQ(check("ann"), "not now");
  server_.sql(
      "UPDATE directory.schema_version SET version = version - 90, works_with = works_with - 90");
  clock_.advance(std::chrono::seconds{2});
  EXPECT_EQ(check("ann"), "accept");
}

// Somebody has locked a row and waits for one that `loser` has locked: one of the two must give
// way. The server spares the one that has changed more, and that is not `loser`.
class Deadlock {
 public:
  Deadlock(mariadb::PrivateServer& server, const std::string& database, const std::string& first)
      : other_(connect(server, database)), watch_(connect(server, database)) {
    EXPECT_TRUE(other_.execute("CREATE TABLE much (n INT)"));
    EXPECT_TRUE(other_.execute("START TRANSACTION"));
    EXPECT_TRUE(other_.execute("INSERT INTO much SELECT seq FROM seq_1_to_1000"));
    EXPECT_TRUE(other_.execute(first));
  }
  void wait_until_somebody_waits() {
    const auto waits = [&] {
      auto row = watch_.query("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'", {});
      return row && row->step().value() && row->text(1) != "0";
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!waits() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  }
  void close(const std::string& second) {
    EXPECT_TRUE(other_.query(second, {}));
    EXPECT_TRUE(other_.execute("COMMIT"));
    auto row = watch_.query("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'", {});
    ASSERT_TRUE(row && row->step().value());
    EXPECT_NE(row->text(1), "0");  // or the test shows nothing
  }

 private:
  static mariadb::Connection connect(mariadb::PrivateServer& server, const std::string& database) {
    return mariadb::Connection::open(server.options(database), server.address()).value();
  }
  mariadb::Connection other_;
  mariadb::Connection watch_;
};

// Also how a Galera cluster tells the later of two nodes that change the same.
TEST_F(MariadbOutage, AChangeThatLosesADeadlockIsBegunAnew) {
  Options patient = server_.options("directory");
  patient.patience = mariadb::kAdminPatience;
  vdomain::DirectoryRepository writer(
      vdomain::mariadb_directory(std::make_shared<Servers>(std::move(patient), clock_)), clock_);
  Deadlock deadlock(server_, "directory",
                    "SELECT domain_id FROM domain WHERE name = 'a.test' FOR UPDATE");
  std::optional<Result<Change>> change;
  std::thread loser([&] {
    change = writer.add_mailbox({.address = Address::parse("bob@a.test").value()}, actor_);
  });
  deadlock.wait_until_somebody_waits();
  deadlock.close("SELECT value FROM generation WHERE only_row = 1 FOR UPDATE");
  loser.join();
  ASSERT_TRUE(change->has_value()) << change->error().detail;
  EXPECT_EQ((*change)->status, Change::Status::changed);
}

TEST_F(MariadbOutage, CredentialsThatLoseADeadlockAreStoredAllTheSame) {
  Options patient = server_.options("credentials");
  patient.patience = mariadb::kAdminPatience;
  auth::MariadbCredentials store(std::make_shared<Servers>(std::move(patient), clock_));
  ASSERT_TRUE(store.put("bob@a.test", "old", kNow));
  Deadlock deadlock(server_, "credentials",
                    "UPDATE credential SET state = 0 WHERE account = 'bob@a.test'");
  const std::vector<auth::NewCredential> both = {{"ann@a.test", "new"}, {"bob@a.test", "new"}};
  std::optional<Result<void>> stored;
  std::thread loser([&] { stored = store.put_all(both, kNow); });
  deadlock.wait_until_somebody_waits();
  deadlock.close("SELECT hash FROM credential WHERE account = 'ann@a.test' FOR UPDATE");
  loser.join();
  ASSERT_TRUE(stored->has_value()) << stored->error().detail;
  for (const auth::NewCredential& c : both)
    EXPECT_EQ(store.find(c.account).value()->hash, "new") << c.account;
}

}  // namespace
}  // namespace toast
