#include "tests/contract/mariadb/private_server.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/mariadb/migrations.h"

namespace toast::mariadb {
namespace {

constexpr std::chrono::seconds kStartTime{60};
constexpr std::chrono::milliseconds kLookAgain{20};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "private MariaDB server: %s\n", why.c_str());
  std::abort();
}

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());  // NOLINT(concurrency-mt-unsafe): one thread
  return entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
}

pid_t run(std::vector<std::string> arguments, const std::string& log) {
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(out, 1);
  ::dup2(out, 2);
  ::execvp(pointers[0], pointers.data());
  ::_exit(127);
}

}  // namespace

PrivateServer::PrivateServer(std::vector<std::string> more) : more_(std::move(more)) {
  std::string folder = "/tmp/toast-mariadb-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) give_up("mkdtemp");
  folder_ = folder;
  const pid_t child = run({"mariadb-install-db", "--no-defaults", "--datadir=" + folder_ + "/data",
                           "--auth-root-authentication-method=normal", "--skip-test-db",
                           "--skip-name-resolve", "--user=" + user_name()},
                          folder_ + "/log");
  int status = 0;
  if (::waitpid(child, &status, 0) != child || status != 0)
    give_up("mariadb-install-db failed: see " + folder_ + "/log");
  start();
}

PrivateServer::~PrivateServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void PrivateServer::start() {
  std::vector<std::string> arguments{"mariadbd",
                                     "--no-defaults",
                                     "--user=" + user_name(),
                                     "--datadir=" + folder_ + "/data",
                                     "--socket=" + folder_ + "/s",
                                     "--pid-file=" + folder_ + "/pid",
                                     "--innodb-buffer-pool-size=32M",
                                     "--innodb-log-file-size=8M",
                                     "--innodb-flush-log-at-trx-commit=2",
                                     "--innodb-flush-method=nosync",
                                     "--character-set-server=utf8mb4"};
  if (more_.empty()) arguments.emplace_back("--skip-networking");
  arguments.insert(arguments.end(), more_.begin(), more_.end());
  pid_ = run(arguments, folder_ + "/log");
  const auto until = std::chrono::steady_clock::now() + kStartTime;
  while (!connect("")) {
    if (std::chrono::steady_clock::now() > until || ::waitpid(pid_, nullptr, WNOHANG) != 0)
      give_up("mariadbd does not start: see " + folder_ + "/log");
    std::this_thread::sleep_for(kLookAgain);
  }
}

void PrivateServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void PrivateServer::pause() { ::kill(pid_, SIGSTOP); }
void PrivateServer::resume() { ::kill(pid_, SIGCONT); }

Options PrivateServer::options(const std::string& database) const {
  Options options;
  options.servers = {address()};
  options.database = database;
  options.user = "root";
  return options;
}

Result<Connection> PrivateServer::connect(const std::string& database) const {
  Options as_admin = options(database);
  as_admin.patience = kAdminPatience;
  return Connection::open(as_admin, address());
}

void PrivateServer::sql(const std::string& statement) const {
  Result<Connection> connection = connect("");
  if (!connection) give_up(connection.error().detail);
  if (Result<void> done = connection->execute(statement); !done)
    give_up(statement + ": " + done.error().detail);
}

void PrivateServer::make_database(const std::string& name,
                                  std::span<const Migration> migrations) const {
  sql("CREATE DATABASE IF NOT EXISTS `" + name +
      "` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin");
  Result<Connection> connection = connect(name);
  if (!connection) give_up(connection.error().detail);
  if (Result<int> done = apply_migrations(*connection, migrations); !done)
    give_up(done.error().detail);
}

PrivateServer& shared_server() {
  static PrivateServer server;
  return server;
}

std::shared_ptr<Servers> shared_servers(const std::string& name) {
  static const SystemClock clock;
  return std::make_shared<Servers>(shared_server().options(name), clock);
}

}  // namespace toast::mariadb
