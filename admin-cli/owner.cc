// toastctl owner: who has several domains, and limits over all of them.
#include "admin-cli/arguments.h"
#include "admin-cli/stores.h"

namespace toast::admin {
namespace {

using vdomain::DomainOwner;
using vdomain::OwnerLimits;
using vdomain::OwnerUse;

struct OwnerOptions {
  std::vector<std::string> names;
  std::optional<std::string> domains, mailboxes, aliases, lists, disk, disk_messages,
      messages_per_hour, messages_per_day;
  std::string match;
};

Record to_record(const DomainOwner& owner, const OwnerUse& use) {
  const OwnerLimits& l = owner.limits;
  return Record{{"name", owner.name},
                {"domains", use.counts.domains},
                {"mailboxes", use.counts.mailboxes},
                {"aliases", use.counts.aliases},
                {"allotted", room_record(use.room)},
                {"limits", Record{{"domains", l.domains},
                                  {"mailboxes", l.mailboxes},
                                  {"aliases", l.aliases},
                                  {"lists", l.lists},
                                  {"disk_bytes", l.disk_bytes},
                                  {"disk_messages", l.disk_messages},
                                  {"messages_per_hour", l.messages_per_hour},
                                  {"messages_per_day", l.messages_per_day}}},
                {"created", iso_time(owner.created)}};
}

tl::expected<void, Failure> apply(const OwnerOptions& options, OwnerLimits& limits) {
  for (const auto& [text, option, limit] :
       {std::tuple(&options.domains, "--max-domains", &limits.domains),
        std::tuple(&options.mailboxes, "--max-mailboxes", &limits.mailboxes),
        std::tuple(&options.aliases, "--max-aliases", &limits.aliases),
        std::tuple(&options.lists, "--max-lists", &limits.lists),
        std::tuple(&options.disk_messages, "--max-disk-messages", &limits.disk_messages)}) {
    if (!*text) continue;
    const auto parsed = parse_limit(**text, option);
    if (!parsed) return tl::unexpected(parsed.error());
    *limit = *parsed;
  }
  for (const auto& [text, option, limit] :
       {std::tuple(&options.messages_per_hour, "--max-messages-per-hour",
                   &limits.messages_per_hour),
        std::tuple(&options.messages_per_day, "--max-messages-per-day",
                   &limits.messages_per_day)}) {
    if (!*text) continue;
    const auto parsed = parse_send_limit(**text, option);
    if (!parsed) return tl::unexpected(parsed.error());
    *limit = *parsed;
  }
  if (!options.disk) return {};
  const Wanted<std::uint64_t> bytes = parse_size(*options.disk, "--max-disk");
  if (!bytes) return tl::unexpected(bytes.error());
  limits.disk_bytes = *bytes == 0 ? std::nullopt : std::optional(*bytes);
  return {};
}

tl::unexpected<Failure> no_owner(const std::string& name) {
  return fail(Exit::not_found, "owner_not_found", "no owner " + name, name,
              "toastctl owner list shows them");
}

Outcome add_owners(Context& context, const OwnerOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& name) -> Outcome {
    DomainOwner owner{.name = name, .limits = {}};
    if (const auto applied = apply(options, owner.limits); !applied)
      return tl::unexpected(applied.error());
    return report(context, (*directory)->add_owner(owner, context.actor), "owner", "added", name);
  });
}

Outcome set_owners(Context& context, const OwnerOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& name) -> Outcome {
    const auto found = (*directory)->find_owner(name);
    if (!found) return fail(found.error(), name);
    if (!*found) return no_owner(name);
    DomainOwner owner = **found;
    if (const auto applied = apply(options, owner.limits); !applied)
      return tl::unexpected(applied.error());
    return report(context, (*directory)->set_owner(owner, context.actor), "owner", "changed", name);
  });
}

Outcome list_owners(Context& context, const OwnerOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  std::vector<Record> rows;
  vdomain::ListQuery query{.domain = {}, .match = options.match, .after = {}};
  do {
    const auto page = (*directory)->list_owners(query);
    if (!page) return fail(page.error(), "owners");
    for (const DomainOwner& owner : page->items) {
      const auto use = (*directory)->use_of_owner(owner.name);
      if (!use) return fail(use.error(), owner.name);
      rows.push_back(to_record(owner, *use));
    }
    query.after = page->next;
  } while (!query.after.empty());
  context.out.list("owners",
                   {{"name", "OWNER"},
                    {"domains", "DOMAINS"},
                    {"mailboxes", "MAILBOXES"},
                    {"aliases", "ALIASES"}},
                   rows);
  return Exit::done;
}

Outcome show_owner(Context& context, const OwnerOptions& options) {
  const std::string& name = options.names.front();
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  const auto found = (*directory)->find_owner(name);
  if (!found) return fail(found.error(), name);
  if (!*found) return no_owner(name);
  const auto use = (*directory)->use_of_owner(name);
  if (!use) return fail(use.error(), name);
  context.out.show(to_record(**found, *use));
  return Exit::done;
}

Outcome delete_owners(Context& context, const OwnerOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& name) -> Outcome {
    Outcome sure = confirm_deletion(context, "owner " + name, name, false);
    if (!sure) return sure;
    return report(context, (*directory)->remove_owner(name, context.actor), "owner", "deleted",
                  name);
  });
}

void add_limits(CLI::App* command, OwnerOptions& options) {
  for (const auto& [flag, place, what] :
       {std::tuple("--max-domains", &options.domains, "Domains, or unlimited"),
        std::tuple("--max-mailboxes", &options.mailboxes, "Mailboxes in all of them, or unlimited"),
        std::tuple("--max-aliases", &options.aliases, "Aliases in all of them, or unlimited"),
        std::tuple("--max-lists", &options.lists, "Lists in all of them, or unlimited"),
        std::tuple("--max-disk-messages", &options.disk_messages,
                   "Quotas of messages together, or unlimited"),
        std::tuple("--max-messages-per-hour", &options.messages_per_hour,
                   "Recipients at other hosts, in place of sendlimitownerhour: a number, "
                   "unlimited, or default"),
        std::tuple("--max-messages-per-day", &options.messages_per_day,
                   "The same in place of sendlimitownerday")})
    command->add_option(flag, *place, what)->type_name("N");
  command->add_option("--max-disk", options.disk, "Quotas of all mailboxes together, or unlimited")
      ->type_name("SIZE");
}

}  // namespace

void add_owner(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("owner", "Owners of several domains, and their limits");
  noun->require_subcommand(1);
  auto options = std::make_shared<OwnerOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const OwnerOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* add = noun->add_subcommand("add", "Add owners");
  add->add_option("NAME", options->names, "Words of a-z 0-9 . _ - @ +")->required();
  add_limits(add, *options);
  add->footer(
      "Examples:\n"
      "  toastctl owner add acme --max-domains 10 --max-mailboxes 500 --max-disk 1T\n"
      "  toastctl domain set example.org --owner acme");
  bind(add, add_owners);

  CLI::App* list = noun->add_subcommand("list", "List owners");
  list->add_option("--match", options->match, "Only names like this: 'a*'")->type_name("GLOB");
  bind(list, list_owners);

  CLI::App* show = noun->add_subcommand("show", "Show an owner's limits and what is used of them");
  show->add_option("NAME", options->names)->required()->expected(1);
  bind(show, show_owner);

  CLI::App* set = noun->add_subcommand("set", "Change only what is named");
  set->add_option("NAME", options->names)->required();
  add_limits(set, *options);
  set->footer("Example:\n  toastctl owner set acme --max-mailboxes 1000");
  bind(set, set_owners);

  CLI::App* remove = noun->add_subcommand("delete", "Delete owners that have no domains");
  remove->add_option("NAME", options->names)->required();
  remove->footer("Example:\n  toastctl owner delete acme --yes");
  bind(remove, delete_owners);
}

}  // namespace toast::admin
