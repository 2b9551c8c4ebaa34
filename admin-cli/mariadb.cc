#include "admin-cli/mariadb.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <utility>

#include "base/fd.h"
#include "base/mariadb/instance.h"
#include "base/settings_registry.h"
#include "schema/embedded.h"

namespace toast::admin {
namespace {

constexpr std::size_t kPasswordBytes = 16;  // 128 bits, in hexadecimal
constexpr std::size_t kMaxChoice = 64;
constexpr mode_t kPrivateFolder = 0700;
constexpr unsigned kPrivateFile = 0400;

std::string hexadecimal(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

void replace_all(std::string& text, std::string_view name, std::string_view value) {
  for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
    text.replace(at, name.size(), value);
}

// Inside '...' of MariaDB, whatever sql_mode its client has: no backslash is left alone.
Wanted<std::string> quotable(const std::string& text, std::string_view what) {
  if (text.find_first_of("'\\`\n") == std::string::npos) return text;
  return fail(Exit::invalid, "bad_character",
              fmt::format("{} holds a quote, a backslash or a line end", what), text);
}

// In a grant _ and % stand for any character.
std::string as_pattern(const std::string& database) {
  std::string text = database;
  replace_all(text, "_", "\\_");
  return text;
}

Wanted<std::string> password_of(const Instance& instance, const mariadb::Role& role,
                                Random& random) {
  const std::string folder = instance.path(role.folder);
  if (::mkdir(folder.c_str(), kPrivateFolder) != 0 && errno != EEXIST) {
    const int why = errno;
    Result<void> failed = system_error("make folder", folder, why);
    return fail(failed.error(), folder);
  }
  const Wanted<Owner> owner = instance.owner_of(role.folder);
  if (!owner) return tl::unexpected(owner.error());
  const std::string path = folder + "/" + mariadb::kPasswordFile;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    const std::string made = hexadecimal(random.bytes(kPasswordBytes)) + "\n";
    const Result<void> written =
        run_as(*owner, [&] { return replace_file(path, made, kPrivateFile); });
    if (!written) return fail(written.error(), path);
  }
  Result<std::string> text = read_file(path, mariadb::kMaxPasswordFile);
  if (!text) return fail(text.error(), path);
  while (text->ends_with('\n') || text->ends_with('\r')) text->pop_back();
  return quotable(*text, path);
}

}  // namespace

bool is_on_mariadb(const Instance& instance) {
  const Result<std::string> choice =
      read_file(instance.path("control/" + std::string(setting::databasebackend.name)), kMaxChoice);
  return choice && choice->starts_with(mariadb::kBackEnd);
}

Wanted<std::shared_ptr<mariadb::Servers>> mariadb_servers(const Instance& instance,
                                                          const LineSetting& database,
                                                          const Clock& clock) {
  const Wanted<Settings> settings = instance.settings();
  if (!settings) return tl::unexpected(settings.error());
  const mariadb::Place place{settings->get(setting::mariadbservers),
                             settings->get(setting::mariadbsocket), settings->get(database)};
  Result<mariadb::Options> options =
      mariadb::options_of(place, mariadb::kAdministrator, instance.root(), mariadb::kAdminPatience);
  if (!options) return fail(options.error(), instance.path(mariadb::kAdministrator.folder));
  return std::make_shared<mariadb::Servers>(std::move(*options), clock);
}

namespace {

struct RolePassword {
  mariadb::Role role;
  std::string_view name;  // that stands for it
};

Wanted<std::string> filled_in(std::string_view grants, std::span<const RolePassword> passwords,
                              const Instance& instance, Random& random, std::string from) {
  const Wanted<Settings> settings = instance.settings();
  if (!settings) return tl::unexpected(settings.error());
  const auto& servers = settings->get(setting::mariadbservers);
  const bool all_here = std::all_of(servers.begin(), servers.end(), [](const Endpoint& server) {
    return server.address.is_loopback();
  });
  if (from.empty()) from = servers.empty() ? "localhost" : all_here ? "127.0.0.1" : "%";
  const Wanted<std::string> place = quotable(from, "--from");
  if (!place) return tl::unexpected(place.error());
  std::string sql(grants);
  const std::string& directory = settings->get(setting::directorydb);
  const std::string& credentials = settings->get(setting::credentialsdb);
  replace_all(sql, "@directorydb@", directory);
  replace_all(sql, "@credentialsdb@", credentials);
  replace_all(sql, "@directorydb_pattern@", as_pattern(directory));
  replace_all(sql, "@credentialsdb_pattern@", as_pattern(credentials));
  replace_all(sql, "@from@", *place);
  replace_all(sql, "@require@", all_here ? "" : " REQUIRE SSL");
  for (const auto& [role, name] : passwords) {
    const Wanted<std::string> password = password_of(instance, role, random);
    if (!password) return tl::unexpected(password.error());
    replace_all(sql, name, *password);
  }
  return sql;
}

}  // namespace

Wanted<std::string> mariadb_grants(const Instance& instance, Random& random, std::string from) {
  static constexpr RolePassword kPasswords[] = {{mariadb::kDirectoryKeeper, "@vdomaind_password@"},
                                                {mariadb::kCredentialsKeeper, "@authd_password@"},
                                                {mariadb::kAdministrator, "@toastctl_password@"}};
  return filled_in(schema::mariadb_grants(), kPasswords, instance, random, std::move(from));
}

Wanted<std::string> mariadb_dovecot_grants(const Instance& instance, Random& random,
                                           std::string from) {
  static constexpr RolePassword kPasswords[] = {{mariadb::kDovecot, "@dovecot_password@"}};
  return filled_in(schema::mariadb_dovecot(), kPasswords, instance, random, std::move(from));
}

}  // namespace toast::admin
