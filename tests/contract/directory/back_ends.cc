#include "tests/contract/directory/back_ends.h"

#include <filesystem>

#include "schema/embedded.h"
#include "tests/contract/mariadb/private_server.h"
#include "vdomain/mariadb/directory_store.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::vdomain {

namespace {

std::string make_folder() {
  std::string name = testing::TempDir() + "directory.XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  return name;
}

std::unique_ptr<DirectoryStore> open_sqlite(const std::string& folder) {
  const std::string path = folder + "/directory.db";
  (void)migrate_sqlite_directory(path).value();
  return open_sqlite_directory(path, {}).value();
}

std::unique_ptr<DirectoryStore> open_mariadb(const std::string& folder) {
  const std::string name = std::filesystem::path(folder).filename();
  mariadb::shared_server().make_database(name, schema::mariadb_directory());
  return mariadb_directory(mariadb::shared_servers(name));
}

}  // namespace

std::vector<BackEnd> back_ends() { return {{"sqlite", open_sqlite}, {"mariadb", open_mariadb}}; }

DirectoryContract::DirectoryContract() : folder_(make_folder()), directory_(open()) {}

DirectoryContract::~DirectoryContract() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

Change::Status DirectoryContract::add_domain(std::string_view name) {
  return status_of(directory_.add_domain(hosted(name), actor_));
}

Change::Status DirectoryContract::add_mailbox(std::string_view name) {
  return status_of(directory_.add_mailbox({.address = address(name)}, actor_));
}

Change::Status DirectoryContract::add_alias(std::string_view name,
                                            std::vector<std::string_view> targets, bool keep_copy) {
  Alias alias{.address = address(name), .keep_copy = keep_copy};
  for (const std::string_view target : targets) alias.targets.push_back(address(target));
  return status_of(directory_.add_alias(alias, actor_));
}

Change::Status status_of(const Result<Change>& change) {
  if (!change) {
    ADD_FAILURE() << change.error().detail;
    return {};
  }
  return change->status;
}

INSTANTIATE_TEST_SUITE_P(BackEnds, DirectoryContract, testing::ValuesIn(back_ends()),
                         [](const auto& back_end) { return back_end.param.name; });

}  // namespace toast::vdomain
