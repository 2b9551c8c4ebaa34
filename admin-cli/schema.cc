// toastctl schema: the layout of the databases and its migrations.
#include "admin-cli/context.h"
#include "admin-cli/database_check.h"

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
                          {"file", instance->path(store.file)}});
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
    const Wanted<Owner> owner = instance->owner_of(store.folder);
    if (!owner) return tl::unexpected(owner.error());
    const Result<void> migrated = run_as(*owner, [&]() -> Result<void> {
      Result<sqlite::Connection> db =
          sqlite::Connection::open(instance->path(store.file), {.access = sqlite::Access::create});
      if (!db) return pass(db);
      Result<int> applied = apply_migrations(*db, store.migrations());
      if (!applied) return pass(applied);
      return {};
    });
    if (!migrated) return fail(migrated.error(), instance->path(store.file));
    context.out.did("migrated", "schema", store.name, versions);
  }
  return exit;
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
}

}  // namespace toast::admin
