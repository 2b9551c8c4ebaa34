// toastctl schema: the layout of the databases and its migrations.
#include "admin-cli/context.h"
#include "admin-cli/database_check.h"
#include "admin-cli/mariadb.h"

namespace toast::admin {
namespace {

std::string_view state_of(const SchemaStatus& status) {
  if (status.version == 0) return "missing";
  if (status.version < status.known) return "behind";
  if (status.version > status.known) return status.works_with > status.known ? "too new" : "newer";
  return "current";
}

Outcome show_status(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  std::vector<Record> rows;
  bool behind = false;
  bool unusable = false;
  for (const StoreInfo& store : stores()) {
    const Wanted<SchemaStatus> status = look_at(*instance, store);
    if (!status) return tl::unexpected(status.error());
    behind = behind || status->version < status->known;
    unusable = unusable || status->works_with > status->known;
    rows.push_back(Record{{"store", store.name},
                          {"version", status->version},
                          {"known", status->known},
                          {"state", state_of(*status)},
                          {"file", location_of(*instance, store)}});
  }
  context.out.list(
      "stores",
      {{"store", "STORE"}, {"version", "VERSION"}, {"known", "THIS PROGRAM"}, {"state", "STATE"}},
      rows);
  if (unusable)
    return fail(Exit::failure, "schema_too_new", "a database is newer than this program",
                instance->root(), "upgrade the programs");
  if (behind)
    return fail(Exit::would_change, "schema_behind", "a database is behind this program",
                instance->root(), "toastctl schema migrate");
  return Exit::done;
}

Outcome migrate(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  Exit exit = Exit::done;
  for (const StoreInfo& store : stores()) {
    const Wanted<SchemaStatus> status = look_at(*instance, store);
    if (!status) return tl::unexpected(status.error());
    if (status->version >= status->known) {
      context.out.did("unchanged", "schema", store.name);
      continue;
    }
    const Record versions{{"from", status->version}, {"to", status->known}};
    if (context.dry_run) {
      context.out.did("would be migrated", "schema", store.name, versions);
      exit = Exit::would_change;
      continue;
    }
    const Wanted<void> migrated = migrate_store(*instance, store, is_on_mariadb(*instance));
    if (!migrated) return tl::unexpected(migrated.error());
    context.out.did("migrated", "schema", store.name, versions);
  }
  return exit;
}

Outcome print_grants(Context& context, const std::string& from, bool dovecot) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto make = dovecot ? mariadb_dovecot_grants : mariadb_grants;
  const Wanted<std::string> sql = make(*instance, context.random, from);
  if (!sql) return tl::unexpected(sql.error());
  if (context.json) {
    context.out.show(Record{{"sql", *sql}});
  } else {
    context.out.line(*sql);
  }
  return Exit::done;
}

}  // namespace

void add_schema(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("schema", "Layout of the databases");
  noun->require_subcommand(1);
  noun->add_subcommand("status", "Compare the databases with this program")->callback([&context] {
    context.action = [&context] { return show_status(context); };
  });
  CLI::App* apply = noun->add_subcommand("migrate", "Bring the databases up to this program");
  apply->footer("Example:\n  toastctl schema migrate --dry-run");
  apply->callback([&context] { context.action = [&context] { return migrate(context); }; });
  CLI::App* grants = noun->add_subcommand(
      "grants", "Print the SQL that makes databases, users and rights on a MariaDB server");
  auto from = std::make_shared<std::string>();
  grants
      ->add_option("--from", *from,
                   "Hosts that the programs connect from, as MariaDB writes them: localhost, "
                   "192.0.2.%; not given: what mariadbservers suggests")
      ->type_name("HOSTS");
  auto dovecot = std::make_shared<bool>(false);
  grants->add_flag("--dovecot", *dovecot,
                   "Those of Dovecot: a user who may read what it needs and nothing else");
  grants->footer(
      "The passwords are those of the files mariadb.password in db/, db-auth/ and db-admin/, or "
      "db-dovecot/; a missing one is made.\nExample:\n  toastctl schema grants | mariadb");
  grants->callback([&context, from, dovecot] {
    context.action = [&context, from, dovecot] { return print_grants(context, *from, *dovecot); };
  });
}

}  // namespace toast::admin
