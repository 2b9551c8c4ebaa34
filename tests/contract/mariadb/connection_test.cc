// Connections: TLS that fails closed, fail-over between servers, rights, migrations.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/fd.h"
#include "base/mariadb/database.h"
#include "base/mariadb/migrations.h"
#include "schema/embedded.h"
#include "tests/contract/mariadb/private_server.h"

namespace toast::mariadb {
namespace {

using testing::HasSubstr;

std::uint16_t free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    std::abort();
  return ntohs(address.sin_port);
}

// A CA, and a server's certificate for `address`, in `folder`.
void make_certificates(const std::string& folder, const std::string& address) {
  const std::string script =
      "cd " + folder +
      " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
      "   -keyout ca.key -out ca.pem -subj /CN=ca"
      " && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
      "   -keyout key.pem -out request.pem -subj /CN=db"
      " && printf 'subjectAltName=IP:" +
      address +
      "' > names"
      " && openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2"
      "   -extfile names -out cert.pem";
  if (std::system(("{ " + script + "; } >/dev/null 2>&1").c_str()) != 0)  // NOLINT(*-env33-c)
    std::abort();
}

class Folder {
 public:
  Folder() {
    if (::mkdtemp(name_.data()) == nullptr) std::abort();
  }
  ~Folder() { std::filesystem::remove_all(name_); }
  const std::string& str() const { return name_; }

 private:
  std::string name_ = "/tmp/toast-certificates-XXXXXX";
};

class MariadbTls : public testing::Test {
 protected:
  static std::vector<std::string> arguments(std::uint16_t port, const std::string& certificates) {
    std::vector<std::string> more{"--bind-address=127.0.0.1", "--port=" + std::to_string(port)};
    if (!certificates.empty())
      for (const char* name : {"ca", "cert", "key"})
        more.push_back(std::string("--ssl-") + name + "=" + certificates + "/" + name + ".pem");
    return more;
  }
  Result<Connection> connect(std::uint16_t port, const std::string& ca_file) {
    Options options;
    options.user = "tcp";
    options.password = Secret("secret");
    options.ca_file = ca_file;
    return Connection::open(
        options, Server{{}, Endpoint::parse("127.0.0.1:" + std::to_string(port)).value()});
  }
  static void make_user(const PrivateServer& server) {
    server.sql("CREATE USER tcp@127.0.0.1 IDENTIFIED BY 'secret'");
  }
};

TEST_F(MariadbTls, OnlyAServerThatProvesItsAddressGetsThePassword) {
  const Folder good;
  const Folder other;
  make_certificates(good.str(), "127.0.0.1");
  make_certificates(other.str(), "127.0.0.1");
  const std::uint16_t port = free_port();
  const PrivateServer server(arguments(port, good.str()));
  make_user(server);
  const Result<Connection> encrypted = connect(port, good.str() + "/ca.pem");
  ASSERT_TRUE(encrypted) << encrypted.error().detail;
  EXPECT_TRUE(encrypted->is_encrypted());
  const Result<Connection> stranger = connect(port, other.str() + "/ca.pem");
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().failure, Failure::transient);
  EXPECT_THAT(stranger.error().detail, HasSubstr("TLS"));
  EXPECT_FALSE(connect(port, good.str() + "/no-such-file.pem"));
}

TEST_F(MariadbTls, ACertificateForAnotherAddressIsRefused) {
  const Folder folder;
  make_certificates(folder.str(), "192.0.2.1");
  const std::uint16_t port = free_port();
  const PrivateServer server(arguments(port, folder.str()));
  make_user(server);
  EXPECT_FALSE(connect(port, folder.str() + "/ca.pem"));
}

TEST_F(MariadbTls, AServerWithoutTlsIsRefused) {
  const Folder folder;
  make_certificates(folder.str(), "127.0.0.1");
  const std::uint16_t port = free_port();
  const PrivateServer server(arguments(port, ""));
  make_user(server);
  EXPECT_FALSE(connect(port, folder.str() + "/ca.pem"));
  // To this very machine clear text will do, where nobody asked for more.
  EXPECT_TRUE(connect(port, ""));
}

TEST_F(MariadbTls, AnotherHostIsNeverSpokenToInClearText) {
  const Result<Connection> refused =
      Connection::open({}, Server{{}, Endpoint::parse("192.0.2.1:3306").value()});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("with TLS only"));
}

TEST(MariadbFailOver, AnotherServerTakesOver) {
  PrivateServer one;
  PrivateServer two;
  FakeClock clock;
  Options options = one.options("d");
  options.servers = {one.address(), two.address()};
  for (PrivateServer* server : {&one, &two}) {
    server->sql("CREATE DATABASE d");
    server->sql("CREATE TABLE d.who (name TEXT)");
    server->sql(std::string("INSERT INTO d.who VALUES ('") + (server == &one ? "one" : "two") +
                "')");
  }
  Database database(std::make_shared<Servers>(std::move(options), clock), nullptr);
  const auto who = [&]() -> std::string {
    Result<Rows> rows = database.query("SELECT name FROM who");
    if (!rows) return "nobody";
    return rows->step().value() ? rows->string(0) : "";
  };
  EXPECT_EQ(who(), "one");
  one.kill();
  EXPECT_EQ(who(), "two");  // the question itself is repeated there
  one.start();
  EXPECT_EQ(who(), "two");
  two.kill();
  EXPECT_EQ(who(), "one");
  one.kill();
  EXPECT_EQ(who(), "nobody");
  two.start();
  clock.advance(kReconnectInterval);
  EXPECT_EQ(who(), "two");
}

TEST(MariadbMigrations, AreRepeatedWithoutHarm) {
  PrivateServer& server = shared_server();
  for (const auto& migrations : {schema::mariadb_directory(), schema::mariadb_credentials()}) {
    server.sql("DROP DATABASE IF EXISTS m");
    server.make_database("m", migrations);
    Connection db = Connection::open(server.options("m"), server.address()).value();
    EXPECT_EQ(apply_migrations(db, migrations).value(), 0);
    EXPECT_TRUE(check_schema(db, migrations));
    // One that was interrupted before it could write down how far it was.
    ASSERT_TRUE(db.execute("DELETE FROM schema_version"));
    EXPECT_FALSE(check_schema(db, migrations));
    EXPECT_EQ(apply_migrations(db, migrations).value(), migrations.back().number);
    ASSERT_TRUE(db.execute("UPDATE schema_version SET version = 99"));
    EXPECT_TRUE(check_schema(db, migrations));  // a newer one that still works with us
    ASSERT_TRUE(db.execute("UPDATE schema_version SET works_with = 99"));
    EXPECT_THAT(check_schema(db, migrations).error().detail, HasSubstr("upgrade this program"));
    EXPECT_FALSE(apply_migrations(db, migrations));
  }
}

TEST(MariadbMigrations, HaveTheNumbersOfSqlite) {
  EXPECT_EQ(schema::mariadb_directory().size(), schema::sqlite_directory().size());
  EXPECT_EQ(schema::mariadb_credentials().size(), schema::sqlite_credentials().size());
}

TEST(MariadbValues, ComeBackAsTheyWere) {
  PrivateServer& server = shared_server();
  server.sql("CREATE OR REPLACE DATABASE v");
  Connection db = Connection::open(server.options("v"), server.address()).value();
  ASSERT_TRUE(db.execute("CREATE TABLE t (n BIGINT, s VARCHAR(400), l MEDIUMTEXT)"));
  const std::string long_text(200'000, 'x');
  const std::string zero("a\0b'\"\\", 6);
  const std::optional<std::string> none;
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (?, ?, ?)",
                     {std::numeric_limits<std::int64_t>::min(), zero, long_text}));
  ASSERT_TRUE(db.run("INSERT INTO t VALUES (?, ?, ?)", {true, "", none}));
  Rows rows = db.query("SELECT n, s, l FROM t ORDER BY n", {}).value();
  ASSERT_TRUE(rows.step().value());
  EXPECT_EQ(rows.integer(0), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(rows.text(1), zero);
  EXPECT_EQ(rows.text(2), long_text);
  ASSERT_TRUE(rows.step().value());
  EXPECT_TRUE(rows.boolean(0));
  EXPECT_FALSE(rows.is_null(1));
  EXPECT_EQ(rows.optional_string(2), std::nullopt);
  EXPECT_FALSE(rows.step().value());
  EXPECT_FALSE(db.execute("SELECT 1; SELECT 2"));  // one statement at a time
  EXPECT_FALSE(db.execute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t"));
}

}  // namespace
}  // namespace toast::mariadb
