#include "admin-cli/stores.h"

#include <fmt/format.h>
#include <unistd.h>

#include "admin-cli/arguments.h"
#include "admin-cli/credentials_process.h"
#include "admin-cli/dry_run_store.h"
#include "admin-cli/mariadb.h"
#include "admin-cli/suggestion.h"
#include "auth/mariadb/credentials.h"
#include "auth/sqlite/credentials.h"
#include "base/settings_registry.h"
#include "vdomain/mariadb/directory_store.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::admin {
namespace {

constexpr std::size_t kMaxCandidates = 1000;  // names looked through for a suggestion

// Names of the domain that are like this one; only what stands before the @ is compared.
std::string suggest_address(Directory& directory, std::string_view noun, const Address& address) {
  const vdomain::ListQuery query{
      .domain = address.domain(), .match = {}, .after = {}, .limit = kMaxCandidates};
  std::vector<std::string> names;
  if (noun == "mailbox") {
    if (const auto page = directory->list_mailboxes(query))
      for (const vdomain::Mailbox& m : page->items) names.push_back(m.address.local_part());
  } else if (const auto page = directory->list_aliases(query)) {
    for (const vdomain::Alias& a : page->items) names.push_back(a.address.local_part());
  }
  const std::string nearest = nearest_word(address.local_part(), names);
  if (nearest.empty()) return {};
  return "did you mean " + nearest + "@" + address.domain().str() + "?";
}

std::string suggest(Directory& directory, std::string_view noun, const std::string& object) {
  if (noun != "domain") {
    const Result<Address> address = Address::parse(object);
    return address ? suggest_address(directory, noun, *address) : std::string();
  }
  std::vector<std::string> names;
  if (const auto page = directory->list_domains(
          {.domain = {}, .match = {}, .after = {}, .limit = kMaxCandidates}))
    for (const vdomain::HostedDomain& d : page->items) names.push_back(d.name.str());
  return did_you_mean(object, names);
}

Exit exit_of(vdomain::Change::Status status) {
  using Status = vdomain::Change::Status;
  if (status == Status::not_found) return Exit::not_found;
  if (status == Status::conflict) return Exit::conflict;
  return Exit::invalid;
}

std::string_view code_of(vdomain::Change::Status status) {
  using Status = vdomain::Change::Status;
  if (status == Status::not_found) return "not_found";
  if (status == Status::conflict) return "conflict";
  if (status == Status::limit_reached) return "limit_reached";
  return "invalid";
}

}  // namespace

Wanted<std::unique_ptr<auth::CredentialsRepository>> open_credentials(const Instance& instance,
                                                                      const Clock& clock) {
  const Wanted<Owner> owner = instance.owner_of("db-auth");
  if (!owner) return tl::unexpected(owner.error());
  const std::string database = instance.credentials_database();
  std::function<std::unique_ptr<auth::CredentialsRepository>()> open = [database] {
    return std::make_unique<auth::SqliteCredentials>(database, sqlite::OpenOptions{});
  };
  if (is_on_mariadb(instance)) {
    const auto servers = mariadb_servers(instance, setting::credentialsdb, clock);
    if (!servers) return tl::unexpected(servers.error());
    open = [servers = *servers] { return std::make_unique<auth::MariadbCredentials>(servers); };
  }
  if (::geteuid() != 0 || owner->uid == 0) return open();
  auto process = CredentialsProcess::start(open, *owner);
  if (!process) return fail(process.error(), instance.path("db-auth"));
  return std::move(*process);
}

Wanted<Directory> Directory::open(const Instance& instance, const Context& context) {
  const Wanted<Owner> owner = instance.owner_of("db");
  if (!owner) return tl::unexpected(owner.error());
  const std::string database = instance.directory_database();
  std::function<Result<std::unique_ptr<vdomain::DirectoryStore>>()> open_store = [database] {
    return vdomain::open_sqlite_directory(database, {});
  };
  std::string where = database;
  if (is_on_mariadb(instance)) {
    const auto servers = mariadb_servers(instance, setting::directorydb, context.clock);
    if (!servers) return tl::unexpected(servers.error());
    where = (*servers)->options().database;
    open_store = [servers = *servers] { return vdomain::mariadb_directory(servers); };
  }
  if (const Result<void> became = become(*owner); !became) return fail(became.error(), where);
  Directory directory;
  for (const bool trial : {false, true}) {
    auto store = open_store();
    if (!store) return fail(store.error(), where);
    const bool dry = trial || context.dry_run;
    auto repository = std::make_unique<vdomain::DirectoryRepository>(
        dry ? make_dry_run(std::move(*store)) : std::move(*store), context.clock);
    (trial ? directory.trial_ : directory.repository_) = std::move(repository);
  }
  return directory;
}

Wanted<Directory> Directory::open(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  return open(*instance, context);
}

void PageOptions::add_to(CLI::App& list) {
  list.add_option("--limit", limit, "At most so many; JSON has the next page's cursor as \"next\"")
      ->type_name("N")
      ->check(CLI::PositiveNumber.description(""));
  list.add_option("--cursor", cursor, "Go on where a page ended")->type_name("CURSOR");
}

Wanted<vdomain::ListQuery> list_query(Directory& directory, const std::string& domain,
                                      const std::string& match) {
  vdomain::ListQuery query{.domain = {}, .match = match, .after = {}};
  if (domain.empty()) return query;
  const Wanted<Domain> name = parse_domain(domain);
  if (!name) return tl::unexpected(name.error());
  const auto found = directory->find_domain(*name);
  if (!found) return fail(found.error(), name->str());
  if (!*found) return not_found(directory, "domain", name->str());
  query.domain = *name;
  return query;
}

tl::expected<bool, Failure> changed(const Result<vdomain::Change>& change, std::string_view noun,
                                    const std::string& object) {
  using Status = vdomain::Change::Status;
  if (!change) return fail(change.error(), object);
  if (change->status == Status::changed) return true;
  if (change->status == Status::unchanged) return false;
  return fail(exit_of(change->status), fmt::format("{}_{}", noun, code_of(change->status)),
              change->message, object);
}

Outcome report(Context& context, const Result<vdomain::Change>& change, std::string_view noun,
               std::string_view done, const std::string& object, Record extra) {
  const tl::expected<bool, Failure> did = changed(change, noun, object);
  if (!did) return tl::unexpected(did.error());
  if (!*did) {
    context.out.did("unchanged", noun, object, std::move(extra));
    return Exit::done;
  }
  context.out.did(context.verb(done), noun, object, std::move(extra));
  return context.dry_run ? Exit::would_change : Exit::done;
}

tl::unexpected<Failure> not_found(Directory& directory, std::string_view noun,
                                  const std::string& object) {
  std::string hint = suggest(directory, noun, object);
  if (hint.empty()) hint = fmt::format("toastctl {} list shows what there is", noun);
  return fail(Exit::not_found, fmt::format("{}_not_found", noun),
              fmt::format("no {} {}", noun, object), object, std::move(hint));
}

auth::HashCost hash_cost(const Settings& settings) {
  auth::HashCost cost;
  cost.passes = static_cast<std::uint64_t>(settings.get(setting::passwordopslimit));
  cost.memory_bytes = settings.get(setting::passwordmemlimit);
  return cost;
}

}  // namespace toast::admin
