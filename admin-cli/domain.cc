// toastctl domain: the domains whose mail is delivered here, and their other names.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "admin-cli/arguments.h"
#include "admin-cli/domain_settings.h"
#include "admin-cli/stores.h"

namespace toast::admin {
namespace {

using vdomain::Change;
using vdomain::HostedDomain;

struct DomainOptions {
  std::vector<std::string> names;
  std::string alias_of;
  DomainSettings settings;
  std::string match;
  PageOptions page;
  bool with_contents = false;
};

Value quota_value(std::uint64_t limit) { return limit == 0 ? Value() : Value(limit); }

Record to_record(const HostedDomain& domain) {
  Record limits{{"mailboxes", domain.limits.mailboxes},
                {"aliases", domain.limits.aliases},
                {"lists", domain.limits.lists},
                {"disk_bytes", domain.limits.disk_bytes},
                {"disk_messages", domain.limits.disk_messages},
                {"messages_per_hour", domain.limits.messages_per_hour},
                {"messages_per_day", domain.limits.messages_per_day}};
  Record suspended{{"incoming", domain.incoming_suspended},
                   {"outgoing", domain.outgoing_suspended},
                   {"login", domain.login_suspended}};
  Value target;
  if (domain.catch_all.target) target = domain.catch_all.target->str();
  Value text;
  if (domain.catch_all.text) text = domain.catch_all.text->str();
  Value lmtp;
  if (domain.lmtp) lmtp = domain.lmtp->lmtp_server();
  return Record{{"name", domain.name.str()},
                {"catch_all", vdomain::catch_all_name(domain.catch_all.kind)},
                {"catch_all_target", target},
                {"catch_all_text", text},
                {"quota_bytes", quota_value(domain.quota.bytes)},
                {"quota_messages", quota_value(domain.quota.messages)},
                {"default_quota_bytes", quota_value(domain.default_quota.bytes)},
                {"default_quota_messages", quota_value(domain.default_quota.messages)},
                {"sub_addressing", vdomain::sub_addressing_name(domain.sub_addressing)},
                {"lmtp", lmtp},
                {"owner", domain.owner},
                {"limits", limits},
                {"suspended", suspended},
                {"created", iso_time(domain.created)}};
}

}  // namespace

Record room_record(const vdomain::StoredRoom& room) {
  return Record{{"disk_bytes", room.bytes},
                {"disk_messages", room.messages},
                {"mailboxes_without_quota", room.without_bytes}};
}

namespace {

Outcome add_one(Context& context, Directory& directory, const DomainOptions& options,
                const std::string& text) {
  const Wanted<Domain> name = parse_domain(text);
  if (!name) return tl::unexpected(name.error());
  if (!options.alias_of.empty()) {
    if (options.settings.any())
      return fail(Exit::usage, "alias_with_settings",
                  "another name of a domain has no settings of its own", name->str(),
                  "toastctl domain set " + options.alias_of);
    const Wanted<Domain> target = parse_domain(options.alias_of);
    if (!target) return tl::unexpected(target.error());
    const Result<Change> change = directory->add_domain_alias(*name, *target, context.actor);
    return report(context, change, "domain", "added", name->str(),
                  Record{{"alias_of", target->str()}});
  }
  HostedDomain domain{.name = *name,
                      .incoming_suspended = {},
                      .outgoing_suspended = {},
                      .login_suspended = {},
                      .catch_all = {},
                      .sub_addressing = {},
                      .default_quota = {},
                      .limits = {}};
  if (const auto applied = options.settings.apply_to(domain); !applied)
    return tl::unexpected(applied.error());
  Outcome outcome =
      report(context, directory->add_domain(domain, context.actor), "domain", "added", name->str());
  if (!outcome && outcome.error().exit == Exit::conflict)
    outcome.error().hint = "toastctl domain set " + name->str();
  return outcome;
}

Outcome add_domains(Context& context, const DomainOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& name) {
    return add_one(context, *directory, options, name);
  });
}

// Other names of domains are listed behind all domains: the cursor says which of the two it is in.
constexpr std::string_view kAliasCursor = "alias:";

// What is left of the page is in `left`; the result is the cursor of the next, empty: that was all.
template <class PageOf, class RowOf>
Wanted<std::string> list_part(Listing& listing, vdomain::ListQuery query, std::size_t& left,
                              PageOf page_of, RowOf row_of) {
  while (left > 0) {
    query.limit = std::min(left, kRowsMeasured);
    const auto page = page_of(query);
    if (!page) return fail(page.error(), "domains");
    for (const auto& item : page->items) {
      Wanted<Record> row = row_of(item);
      if (!row) return tl::unexpected(std::move(row.error()));
      listing.add(std::move(*row));
    }
    left -= page->items.size();
    query.after = page->next;
    if (query.after.empty()) return std::string();
  }
  return query.after;
}

Wanted<Record> row_of(Directory& directory, const HostedDomain& domain) {
  const auto counts = directory->counts(domain.name);
  if (!counts) return fail(counts.error(), domain.name.str());
  Record row = to_record(domain);
  row.add("mailboxes", counts->mailboxes).add("aliases", counts->aliases);
  return row.add("alias_of", Value());
}

Wanted<Record> row_of(const vdomain::DomainAlias& alias) {
  return Record{{"name", alias.name.str()},
                {"created", iso_time(alias.created)},
                {"alias_of", alias.target.str()}};
}

Outcome list_domains(Context& context, const DomainOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  Listing listing = context.out.listing("domains", {{"name", "DOMAIN"},
                                                    {"mailboxes", "MAILBOXES"},
                                                    {"aliases", "ALIASES"},
                                                    {"catch_all", "CATCH-ALL"},
                                                    {"alias_of", "ALIAS OF"}});
  const std::size_t limit = options.page.limit;
  std::size_t left = limit == 0 ? std::numeric_limits<std::size_t>::max() : limit;
  vdomain::ListQuery query{.domain = {}, .match = options.match, .after = options.page.cursor};
  const bool behind = query.after.starts_with(kAliasCursor);
  Wanted<std::string> next;
  if (!behind) {
    next = list_part(
        listing, query, left,
        [&](const vdomain::ListQuery& page) { return (*directory)->list_domains(page); },
        [&](const HostedDomain& domain) { return row_of(*directory, domain); });
    if (!next) return tl::unexpected(next.error());
  }
  if (next->empty()) {
    query.after = behind ? options.page.cursor.substr(kAliasCursor.size()) : std::string();
    const bool full = left == 0;
    next = list_part(
        listing, query, left,
        [&](const vdomain::ListQuery& page) { return (*directory)->list_domain_aliases(page); },
        [](const vdomain::DomainAlias& alias) { return row_of(alias); });
    if (!next) return tl::unexpected(next.error());
    if (full || !next->empty()) next = std::string(kAliasCursor) + *next;
  }
  listing.finish(limit == 0 ? std::nullopt : std::optional(*next));
  if (!next->empty() && !context.json) context.out.warn("there is more: --cursor " + *next);
  return Exit::done;
}

Outcome show_domain(Context& context, const DomainOptions& options) {
  const Wanted<Domain> name = parse_domain(options.names.front());
  if (!name) return tl::unexpected(name.error());
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  const auto alias = (*directory)->find_domain_alias(*name);
  if (!alias) return fail(alias.error(), name->str());
  const auto found = (*directory)->find_domain(*alias ? (*alias)->target : *name);
  if (!found) return fail(found.error(), name->str());
  if (!*found) return not_found(*directory, "domain", name->str());
  const auto use = (*directory)->use_of((*found)->name);
  if (!use) return fail(use.error(), name->str());
  Record record = to_record(**found);
  record.add("mailboxes", use->counts.mailboxes).add("aliases", use->counts.aliases);
  record.add("allotted", room_record(use->room));
  std::vector<Value> other_names;
  vdomain::ListQuery query{.domain = (*found)->name, .match = {}, .after = {}};
  const auto others = (*directory)->list_domain_aliases(query);
  if (!others) return fail(others.error(), name->str());
  for (const vdomain::DomainAlias& other : others->items)
    other_names.emplace_back(other.name.str());
  context.out.show(record.add("other_names", std::move(other_names)));
  return Exit::done;
}

Outcome set_domain(Context& context, const DomainOptions& options) {
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& text) -> Outcome {
    const Wanted<Domain> name = parse_domain(text);
    if (!name) return tl::unexpected(name.error());
    const auto found = (*directory)->find_domain(*name);
    if (!found) return fail(found.error(), name->str());
    if (!*found) return not_found(*directory, "domain", name->str());
    HostedDomain domain = **found;
    if (const auto applied = options.settings.apply_to(domain); !applied)
      return tl::unexpected(applied.error());
    return report(context, (*directory)->set_domain(domain, context.actor), "domain", "changed",
                  name->str());
  });
}

// The mailboxes of a domain that is about to go: their credentials go after it.
Wanted<std::vector<std::string>> accounts_of(Directory& directory, const Domain& name) {
  std::vector<std::string> accounts;
  vdomain::ListQuery query{.domain = name, .match = {}, .after = {}};
  do {
    const auto page = directory->list_mailboxes(query);
    if (!page) return fail(page.error(), name.str());
    for (const vdomain::Mailbox& mailbox : page->items) accounts.push_back(mailbox.address.str());
    query.after = page->next;
  } while (!query.after.empty());
  return accounts;
}

Outcome delete_domain(Context& context, const DomainOptions& options) {
  const Wanted<Domain> name = parse_domain(options.names.front());
  if (!name) return tl::unexpected(name.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto credentials = open_credentials(*instance, context.clock);
  if (!credentials) return tl::unexpected(credentials.error());
  Wanted<Directory> directory = Directory::open(*instance, context);
  if (!directory) return tl::unexpected(directory.error());

  const auto alias = (*directory)->find_domain_alias(*name);
  if (!alias) return fail(alias.error(), name->str());
  if (!*alias) {
    const auto found = (*directory)->find_domain(*name);
    if (!found) return fail(found.error(), name->str());
    if (!*found) return not_found(*directory, "domain", name->str());
  }
  const Wanted<std::vector<std::string>> accounts = accounts_of(*directory, *name);
  if (!accounts) return tl::unexpected(accounts.error());
  const std::string what = fmt::format("domain {} and {} mailboxes", name->str(), accounts->size());
  Outcome sure = confirm_deletion(context, what, name->str(), !accounts->empty());
  if (!sure) return sure;
  const Result<Change> change =
      *alias ? (*directory)->remove_domain_alias(*name, context.actor)
             : (*directory)->remove_domain(*name, options.with_contents, context.actor);
  Outcome outcome = report(context, change, "domain", "deleted", name->str());
  if (!outcome) {
    if (outcome.error().exit == Exit::conflict && outcome.error().hint.empty())
      outcome.error().hint =
          "--with-contents deletes its mailboxes, aliases and other names as well";
    return outcome;
  }
  if (context.dry_run) return outcome;
  for (const std::string& account : *accounts) {
    if (const Result<bool> removed = (*credentials)->remove(account); !removed)
      context.out.warn("the password of " + account + " stays behind: " + removed.error().detail);
  }
  if (!accounts->empty())
    context.out.note("the mail stays in " + instance->path("mail/") +
                     vdomain::domain_directory(*name));
  return outcome;
}

}  // namespace

void add_domain(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("domain", "Domains whose mail is delivered here");
  noun->require_subcommand(1);
  auto options = std::make_shared<DomainOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const DomainOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* add = noun->add_subcommand("add", "Add domains");
  add->add_option("DOMAIN", options->names, "Names; - reads them from standard input")->required();
  add->add_option("--alias-of", options->alias_of, "Make it another name of that domain")
      ->type_name("DOMAIN");
  options->settings.add_to(*add);
  add->footer(
      "Examples:\n"
      "  toastctl domain add example.org\n"
      "  toastctl domain add example.net --alias-of example.org\n"
      "  toastctl domain add example.com --catch-all ann@example.com --default-quota 1G");
  bind(add, add_domains);

  CLI::App* list = noun->add_subcommand("list", "List domains");
  list->add_option("--match", options->match, "Only names like this: '*.org'")->type_name("GLOB");
  options->page.add_to(*list);
  list->footer(
      "Examples:\n  toastctl domain list --match '*.org' --json\n"
      "  toastctl domain list --limit 1000");
  bind(list, list_domains);

  CLI::App* show = noun->add_subcommand("show", "Show everything about a domain");
  show->add_option("DOMAIN", options->names)->required()->expected(1);
  bind(show, show_domain);

  CLI::App* set = noun->add_subcommand("set", "Change only what is named");
  set->add_option("DOMAIN", options->names)->required();
  options->settings.add_to(*set);
  set->footer(
      "Examples:\n"
      "  toastctl domain set example.org --catch-all refuse\n"
      "  toastctl domain set example.org --catch-all 'discard:role addresses only'\n"
      "  toastctl domain set example.org --quota 100G --quota-messages 2000000\n"
      "  toastctl domain set example.org --lmtp /run/dovecot/lmtp\n"
      "  toastctl domain set example.org --max-mailboxes 50 --max-disk 20G --owner acme\n"
      "  toastctl domain set example.org --suspend incoming,login --reason 'not paid'\n"
      "  toastctl domain set example.org --resume incoming,login");
  bind(set, set_domain);

  CLI::App* remove = noun->add_subcommand("delete", "Delete a domain; its mail stays on disk");
  remove->add_option("DOMAIN", options->names)->required()->expected(1);
  remove->add_flag("--with-contents", options->with_contents,
                   "Delete its mailboxes, aliases and other names as well");
  remove->footer(
      "Example:\n  toastctl domain delete example.org --with-contents --confirm=example.org");
  bind(remove, delete_domain);
}

}  // namespace toast::admin
