// toastctl alias: names whose mail goes elsewhere.
#include <algorithm>

#include "admin-cli/arguments.h"
#include "admin-cli/stores.h"

namespace toast::admin {
namespace {

using vdomain::Alias;

struct AliasOptions {
  std::string name;
  std::vector<std::string> names;  // delete takes several
  std::vector<std::string> targets, added, removed;
  std::optional<std::string> keep_copy;
  std::string domain;
  std::string match;
  PageOptions page;
};

Record to_record(const Alias& alias) {
  std::vector<Value> targets;
  targets.reserve(alias.targets.size());
  for (const Address& target : alias.targets) targets.emplace_back(target.str());
  return Record{{"address", alias.address.str()},
                {"targets", std::move(targets)},
                {"keep_copy", alias.keep_copy},
                {"created", iso_time(alias.created)}};
}

Wanted<std::vector<Address>> parse_targets(const std::vector<std::string>& texts) {
  std::vector<Address> targets;
  for (const std::string& text : texts) {
    Wanted<Address> target = parse_address(text);
    if (!target) return tl::unexpected(std::move(target.error()));
    targets.push_back(std::move(*target));
  }
  return targets;
}

tl::expected<void, Failure> apply_keep_copy(const AliasOptions& options, Alias& alias) {
  if (!options.keep_copy) return {};
  const Wanted<bool> keep = parse_switch(*options.keep_copy, "--keep-copy");
  if (!keep) return tl::unexpected(keep.error());
  alias.keep_copy = *keep;
  return {};
}

Outcome add_alias_to(Context& context, const AliasOptions& options) {
  const Wanted<Address> address = parse_address(options.name);
  if (!address) return tl::unexpected(address.error());
  Wanted<std::vector<Address>> targets = parse_targets(options.targets);
  if (!targets) return tl::unexpected(std::move(targets.error()));
  Alias alias{.address = *address, .targets = std::move(*targets)};
  if (const auto applied = apply_keep_copy(options, alias); !applied)
    return tl::unexpected(applied.error());
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  Outcome outcome = report(context, (*directory)->add_alias(alias, context.actor), "alias", "added",
                           address->str());
  if (outcome) return outcome;
  if (outcome.error().exit == Exit::not_found)
    outcome.error().hint = "toastctl domain add " + address->domain().str();
  if (outcome.error().exit == Exit::conflict)
    outcome.error().hint = "toastctl alias set " + address->str() + " --add TARGET adds to it";
  return outcome;
}

Outcome list_aliases(Context& context, const AliasOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  Wanted<vdomain::ListQuery> query = list_query(*directory, options.domain, options.match);
  if (!query) return tl::unexpected(query.error());
  Listing listing = context.out.listing(
      "aliases", {{"address", "ALIAS"}, {"targets", "TARGETS"}, {"keep_copy", "KEEPS A COPY"}});
  return list_pages(
      context, listing, *query, options.page, "aliases",
      [&](const vdomain::ListQuery& page) { return (*directory)->list_aliases(page); },
      [](const Alias& alias) -> Wanted<Record> { return to_record(alias); });
}

Wanted<Alias> find(Directory& directory, const std::string& text) {
  const Wanted<Address> address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  const auto found = directory->find_alias(*address);
  if (!found) return fail(found.error(), address->str());
  if (!*found) return not_found(directory, "alias", address->str());
  return **found;
}

Outcome show_alias(Context& context, const AliasOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  const Wanted<Alias> alias = find(*directory, options.name);
  if (!alias) return tl::unexpected(alias.error());
  context.out.show(to_record(*alias));
  return Exit::done;
}

tl::expected<void, Failure> change_targets(const AliasOptions& options, Alias& alias) {
  if (!options.targets.empty()) {
    Wanted<std::vector<Address>> targets = parse_targets(options.targets);
    if (!targets) return tl::unexpected(std::move(targets.error()));
    alias.targets = std::move(*targets);
  }
  const Wanted<std::vector<Address>> added = parse_targets(options.added);
  if (!added) return tl::unexpected(added.error());
  for (const Address& target : *added) {
    if (std::find(alias.targets.begin(), alias.targets.end(), target) == alias.targets.end())
      alias.targets.push_back(target);
  }
  const Wanted<std::vector<Address>> removed = parse_targets(options.removed);
  if (!removed) return tl::unexpected(removed.error());
  for (const Address& target : *removed) {
    if (std::erase(alias.targets, target) == 0)
      return fail(Exit::not_found, "target_not_found",
                  alias.address.str() + " has no target " + target.str(), target.str());
  }
  return {};
}

Outcome set_alias(Context& context, const AliasOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  Wanted<Alias> alias = find(*directory, options.name);
  if (!alias) return tl::unexpected(alias.error());
  if (const auto done = change_targets(options, *alias); !done) return tl::unexpected(done.error());
  if (const auto done = apply_keep_copy(options, *alias); !done)
    return tl::unexpected(done.error());
  return report(context, (*directory)->set_alias(*alias, context.actor), "alias", "changed",
                alias->address.str());
}

Outcome delete_aliases(Context& context, const AliasOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& text) -> Outcome {
    const Wanted<Alias> alias = find(*directory, text);
    if (!alias) return tl::unexpected(alias.error());
    const std::string name = alias->address.str();
    Outcome sure = confirm_deletion(context, "alias " + name, name, false);
    if (!sure) return sure;
    return report(context, (*directory)->remove_alias(alias->address, context.actor), "alias",
                  "deleted", name);
  });
}

}  // namespace

void add_alias(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("alias", "Names whose mail goes elsewhere");
  noun->require_subcommand(1);
  auto options = std::make_shared<AliasOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const AliasOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  const auto keep_copy = [&options](CLI::App* command) {
    command
        ->add_option("--keep-copy", options->keep_copy,
                     "Also deliver to the mailbox of the same name")
        ->type_name("on|off")
        ->expected(0, 1)
        ->default_str("on");
  };
  CLI::App* add = noun->add_subcommand("add", "Add an alias with its targets");
  add->add_option("ADDRESS", options->name)->required();
  add->add_option("TARGET", options->targets, "Addresses, here or elsewhere")->required();
  keep_copy(add);
  add->footer(
      "Examples:\n"
      "  toastctl alias add sales@example.org ann@example.org bob@example.net\n"
      "  toastctl alias add ann@example.org ann@home.example --keep-copy=on");
  bind(add, add_alias_to);

  CLI::App* list = noun->add_subcommand("list", "List aliases");
  list->add_option("--domain", options->domain, "Only of this domain")->type_name("DOMAIN");
  list->add_option("--match", options->match, "Only addresses like this")->type_name("GLOB");
  options->page.add_to(*list);
  bind(list, list_aliases);

  CLI::App* show = noun->add_subcommand("show", "Show an alias");
  show->add_option("ADDRESS", options->name)->required();
  bind(show, show_alias);

  CLI::App* set = noun->add_subcommand("set", "Change an alias");
  set->add_option("ADDRESS", options->name)->required();
  for (const auto& [flag, place, what] :
       {std::tuple("--to", &options->targets, "Replace all targets by these"),
        std::tuple("--add", &options->added, "Add this target"),
        std::tuple("--remove", &options->removed, "Remove this target")})
    set->add_option(flag, *place, what)
        ->type_name("TARGET")
        ->delimiter(',')
        ->allow_extra_args(false);
  keep_copy(set);
  set->footer(
      "Examples:\n"
      "  toastctl alias set sales@example.org --add carl@example.org\n"
      "  toastctl alias set sales@example.org --to ann@example.org,bob@example.org");
  bind(set, set_alias);

  CLI::App* remove = noun->add_subcommand("delete", "Delete aliases");
  remove->add_option("ADDRESS", options->names)->required();
  remove->footer("Example:\n  toastctl alias delete sales@example.org --yes");
  bind(remove, delete_aliases);
}

}  // namespace toast::admin
