// A MariaDB server of a test's own: in a temporary folder, on a unix socket, for any user. It dies
// with the test, however that ends.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mariadb/servers.h"
#include "base/migrations.h"

namespace toast::mariadb {

class PrivateServer {
 public:
  // Made and started; `more` are further arguments for mariadbd.
  explicit PrivateServer(std::vector<std::string> more = {});
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  void start();  // returns when it answers
  void kill();   // -9, and gone
  void pause();  // takes connections, answers nothing
  void resume();
  // Statements as root; one that fails ends the test.
  void sql(const std::string& statement) const;

  Server address() const { return Server{.socket = folder_ + "/s", .endpoint = {}}; }
  const std::string& folder() const { return folder_; }
  // As root, whom the server believes.
  Options options(const std::string& database) const;
  // A database with these migrations applied; one that exists stays as it is.
  void make_database(const std::string& name, std::span<const Migration> migrations) const;

 private:
  Result<Connection> connect(const std::string& database) const;
  std::string folder_;
  std::vector<std::string> more_;
  pid_t pid_ = -1;
};

// One for all tests of a program.
PrivateServer& shared_server();
// Over the database `name` of the shared server.
std::shared_ptr<Servers> shared_servers(const std::string& name);

}  // namespace toast::mariadb
