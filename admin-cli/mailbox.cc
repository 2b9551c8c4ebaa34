// toastctl mailbox: who has mail here.
#include <fmt/format.h>

#include "admin-cli/accounts.h"
#include "admin-cli/arguments.h"
#include "admin-cli/password_input.h"
#include "admin-cli/password_keeping.h"
#include "admin-cli/password_programs.h"
#include "admin-cli/reversible.h"
#include "auth/set_password.h"
#include "base/settings_registry.h"

namespace toast::admin {
namespace {

using vdomain::Change;
using vdomain::Mailbox;

struct MailboxOptions {
  std::vector<std::string> names;
  std::optional<std::string> display_name, quota, quota_messages, pop3, imap, smtp, receive;
  std::optional<std::string> reversible;
  std::string domain;
  std::string match;
  PasswordOptions password;
  PageOptions page;
};

Record to_record(const Mailbox& mailbox, const Instance& instance) {
  const auto limit = [](std::uint64_t v) { return v == 0 ? Value() : Value(v); };
  return Record{{"address", mailbox.address.str()},
                {"display_name", mailbox.display_name},
                {"quota_bytes", limit(mailbox.quota.bytes)},
                {"quota_messages", limit(mailbox.quota.messages)},
                {"services", Record{{"pop3", mailbox.services.pop3},
                                    {"imap", mailbox.services.imap},
                                    {"smtp", mailbox.services.smtp},
                                    {"receive", mailbox.services.receive}}},
                {"vacation", mailbox.has_vacation},
                {"maildir", instance.path("mail/" + mailbox.maildir)},
                {"created", iso_time(mailbox.created)}};
}

tl::expected<void, Failure> apply_services(const MailboxOptions& options,
                                           vdomain::ServiceSwitches& services) {
  for (const auto& [text, option, service] :
       {std::tuple(&options.pop3, "--pop3", &services.pop3),
        std::tuple(&options.imap, "--imap", &services.imap),
        std::tuple(&options.smtp, "--smtp", &services.smtp),
        std::tuple(&options.receive, "--receive", &services.receive)}) {
    if (!*text) continue;
    const Wanted<bool> on = parse_switch(**text, option);
    if (!on) return tl::unexpected(on.error());
    *service = *on;
  }
  return {};
}

// What was named of a quota.
struct NamedQuota {
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint64_t> messages;
  vdomain::Quota over(vdomain::Quota quota) const {
    return {bytes.value_or(quota.bytes), messages.value_or(quota.messages)};
  }
};

Wanted<NamedQuota> quota_of(const MailboxOptions& options) {
  NamedQuota named;
  if (options.quota) {
    const Wanted<std::uint64_t> bytes = parse_size(*options.quota, "--quota");
    if (!bytes) return tl::unexpected(bytes.error());
    named.bytes = *bytes;
  }
  if (options.quota_messages) {
    const auto count = parse_limit(*options.quota_messages, "--quota-messages");
    if (!count) return tl::unexpected(count.error());
    named.messages = count->value_or(0);
  }
  return named;
}

// A mailbox that is new has the domain's default for what was not named.
Wanted<std::optional<vdomain::Quota>> quota_of_new(Directory& directory, const NamedQuota& named,
                                                   const Address& address) {
  if (!named.bytes && !named.messages) return std::nullopt;
  if (named.bytes && named.messages) return named.over({});
  const auto alias = directory->find_domain_alias(address.domain());
  if (!alias) return fail(alias.error(), address.str());
  const auto domain = directory->find_domain(*alias ? (*alias)->target : address.domain());
  if (!domain) return fail(domain.error(), address.str());
  return named.over(*domain ? (*domain)->default_quota : vdomain::Quota{});
}

// The password for mailboxes that are to be added. One that was given is read at once; without,
// the prompt waits until there is a mailbox that needs it.
class NewPassword {
 public:
  NewPassword(Context& context, const MailboxOptions& options)
      : context_(context), options_(options) {}
  bool given() const { return options_.password.given(); }
  Wanted<const Password*> get() {
    if (password_) return &*password_;
    Wanted<Password> read = obtain_password(context_, options_.password, options_.names.front());
    if (!read) return tl::unexpected(std::move(read.error()));
    password_ = std::move(*read);
    return &*password_;
  }
  const std::optional<Password>& known() const { return password_; }

 private:
  Context& context_;
  const MailboxOptions& options_;
  std::optional<Password> password_;
};

// The mailbox exists. Nothing that was asked for is passed over: what differs is a conflict.
Outcome add_existing(Context& context, Accounts& accounts, const Keeping& keeping,
                     NewPassword& password, const Result<Change>& trial, const Address& address) {
  const Wanted<Address> account = account_for(accounts.directory, address);
  if (!account) return tl::unexpected(account.error());
  std::vector<std::string> differing;
  std::vector<std::string> hints;
  if (trial->status == Change::Status::conflict) {
    differing.push_back(trial->message);
    hints.push_back("toastctl mailbox set " + account->str());
  }
  if (password.given()) {
    const Wanted<const Password*> given = password.get();
    if (!given) return tl::unexpected(given.error());
    const Wanted<std::string> other = password_difference(accounts, keeping, *account, **given);
    if (!other) return tl::unexpected(other.error());
    if (!other->empty()) {
      differing.push_back(differing.empty() ? account->str() + " exists already: " + *other
                                            : *other);
      hints.push_back("toastctl mailbox passwd " + account->str());
    }
  }
  if (differing.empty()) return report(context, trial, "mailbox", "added", address.str());
  return fail(Exit::conflict, "mailbox_conflict", fmt::format("{}", fmt::join(differing, "; ")),
              address.str(), fmt::format("{}", fmt::join(hints, ", ")));
}

Outcome add_one(Context& context, Accounts& accounts, const Keeping& keeping,
                const MailboxOptions& options, NewPassword& password, const std::string& text) {
  const Wanted<Address> address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  const Wanted<NamedQuota> named = quota_of(options);
  if (!named) return tl::unexpected(named.error());
  const auto quota = quota_of_new(accounts.directory, *named, *address);
  if (!quota) return tl::unexpected(quota.error());
  vdomain::NewMailbox wanted{.address = *address,
                             .display_name = options.display_name.value_or(""),
                             .quota = *quota,
                             .services = {}};
  if (const auto applied = apply_services(options, wanted.services); !applied)
    return tl::unexpected(applied.error());
  // Everything is checked before a credential is written: a refused mailbox leaves no trace, and
  // the password of one that exists is never replaced.
  const Result<Change> trial = accounts.directory.trial().add_mailbox(wanted, context.actor);
  const bool exists = trial && (trial->status == Change::Status::conflict ||
                                trial->status == Change::Status::unchanged);
  if (exists) return add_existing(context, accounts, keeping, password, trial, *address);
  const tl::expected<bool, Failure> would = changed(trial, "mailbox", address->str());
  if (!would) {
    Failure refused = would.error();
    if (refused.exit == Exit::not_found)
      refused.hint = "toastctl domain add " + address->domain().str();
    return tl::unexpected(std::move(refused));
  }
  const Wanted<Address> account = account_for(accounts.directory, *address);
  if (!account) return tl::unexpected(account.error());
  const auto* program = keeping.programs.find(account->domain().str());
  if (program != nullptr && password.given()) return refuse_password(*program);
  if (program == nullptr) {
    const Wanted<const Password*> chosen = password.get();
    if (!chosen) return tl::unexpected(chosen.error());
    if (context.dry_run) return report(context, trial, "mailbox", "added", address->str());
    const Result<void> stored = store_password(*accounts.credentials, keeping, account->str(),
                                               **chosen, context.clock.wall());
    if (!stored) return fail(stored.error(), accounts.instance.path("db-auth"));
  } else if (context.dry_run) {
    return report(context, trial, "mailbox", "added", address->str());
  }
  return report(context, accounts.directory->add_mailbox(wanted, context.actor), "mailbox", "added",
                address->str());
}

// Made up and shown once: on its own line for people, as a field for programs.
Record shown_password(Context& context, const Password& password) {
  if (!password.generated || context.dry_run) return {};
  context.out.line("password: " + std::string(password.text.view()));
  return Record{{"password", password.text.view()}};
}

Outcome add_mailboxes(Context& context, const MailboxOptions& options) {
  const bool several =
      options.names.size() > 1 || (options.names.size() == 1 && options.names.front() == "-");
  const bool both = options.password.from_stdin && options.names.front() == "-";
  if (both || (several && options.password.generate))
    return fail(Exit::usage, "one_password",
                both ? "standard input cannot name mailboxes and hold the password"
                     : "one made-up password for several mailboxes would be shared",
                {}, "use --password-file FILE, or add them one by one");
  const Wanted<Keeping> keeping = Keeping::by_settings(context);
  if (!keeping) return tl::unexpected(keeping.error());
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  NewPassword password(context, options);
  if (password.given()) {
    const Wanted<const Password*> read = password.get();
    if (!read) return tl::unexpected(read.error());
  }
  Outcome outcome = for_each_name(context, options.names, [&](const std::string& name) {
    return add_one(context, *accounts, *keeping, options, password, name);
  });
  if (outcome && password.known()) {
    const Record shown = shown_password(context, *password.known());
    if (context.json && !shown.fields().empty())
      context.out.did("generated", "password", options.names.front(), shown);
  }
  return outcome;
}

Outcome list_mailboxes(Context& context, const MailboxOptions& options) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  Wanted<Directory> directory = Directory::open(*instance, context);
  if (!directory) return tl::unexpected(directory.error());
  Wanted<vdomain::ListQuery> query = list_query(*directory, options.domain, options.match);
  if (!query) return tl::unexpected(query.error());
  Listing listing = context.out.listing(
      "mailboxes", {{"address", "ADDRESS"}, {"display_name", "NAME"}, {"quota", "QUOTA"}});
  return list_pages(
      context, listing, *query, options.page, "mailboxes",
      [&](const vdomain::ListQuery& page) { return (*directory)->list_mailboxes(page); },
      [&](const Mailbox& mailbox) -> Wanted<Record> {
        Record row = to_record(mailbox, *instance);
        if (!context.json) {
          const std::uint64_t limit = mailbox.quota.bytes;
          row.add("quota", limit == 0 ? std::string("unlimited") : size_text(limit));
        }
        return row;
      });
}

std::vector<Value> login_records(const std::vector<auth::LastLogin>& logins) {
  std::vector<Value> records;
  records.reserve(logins.size());
  for (const auth::LastLogin& login : logins)
    records.emplace_back(Record{{"service", auth::service_name(login.service)},
                                {"at", iso_time(login.at)},
                                {"from", login.peer}});
  return records;
}

Outcome show_mailbox(Context& context, const MailboxOptions& options) {
  const Wanted<Address> address = parse_address(options.names.front());
  if (!address) return tl::unexpected(address.error());
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  const Wanted<Mailbox> found = find_mailbox(accounts->directory, *address);
  if (!found) return tl::unexpected(found.error());
  Record record = to_record(*found, accounts->instance);
  const std::string account = found->address.str();
  const auto credential = accounts->credentials->find(account);
  const auto logins = accounts->credentials->last_logins(account);
  if (!credential || !logins) {
    context.out.warn((credential ? logins.error() : credential.error()).detail);
    context.out.show(
        record.add("password", Value()).add("reversible", Value()).add("last_logins", Value()));
    return Exit::done;
  }
  const bool locked = *credential && (*credential)->state == auth::CredentialState::locked;
  const auto program = program_for(accounts->instance, found->address.domain());
  if (!program) return tl::unexpected(program.error());
  record.add("password", locked ? "locked" : *program ? "program" : *credential ? "set" : "none");
  Value changed_at;
  if (*credential) changed_at = iso_time((*credential)->changed);
  record.add("password_changed", changed_at)
      .add("reversible", *credential ? reversible_state(**credential) : "off")
      .add("last_logins", login_records(*logins));
  context.out.show(record);
  return Exit::done;
}

// What was named, over what is so.
Wanted<Mailbox> as_named(Directory& directory, const MailboxOptions& options,
                         const NamedQuota& quota, const Address& address) {
  Wanted<Mailbox> mailbox = find_mailbox(directory, address);
  if (!mailbox) return mailbox;
  if (options.display_name) mailbox->display_name = *options.display_name;
  mailbox->quota = quota.over(mailbox->quota);
  if (const auto applied = apply_services(options, mailbox->services); !applied)
    return tl::unexpected(applied.error());
  return mailbox;
}

Outcome set_with_switch(Context& context, Accounts& accounts, const MailboxOptions& options,
                        const NamedQuota& quota, bool reversible, const Address& address) {
  const Wanted<Mailbox> mailbox = as_named(accounts.directory, options, quota, address);
  if (!mailbox) return tl::unexpected(mailbox.error());
  const std::string account = mailbox->address.str();
  const Wanted<bool> switches = would_switch_reversible(accounts, account, reversible);
  if (!switches) return tl::unexpected(switches.error());
  Result<Change> change = accounts.directory->set_mailbox(*mailbox, context.actor);
  if (*switches && change && change->status == Change::Status::unchanged)
    change->status = Change::Status::changed;
  if (*switches && change && change->status == Change::Status::changed && !context.dry_run) {
    if (const auto done = switch_reversible(context, accounts, account, reversible); !done)
      return tl::unexpected(done.error());
  }
  return report(context, change, "mailbox", "changed", address.str());
}

Outcome set_with_switches(Context& context, const MailboxOptions& options,
                          const NamedQuota& quota) {
  const Wanted<bool> reversible = parse_switch(*options.reversible, "--reversible");
  if (!reversible) return tl::unexpected(reversible.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const Wanted<Settings> settings = instance->settings();
  if (!settings) return tl::unexpected(settings.error());
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  Outcome outcome = for_each_name(context, options.names, [&](const std::string& text) -> Outcome {
    const Wanted<Address> address = parse_address(text);
    if (!address) return tl::unexpected(address.error());
    return set_with_switch(context, *accounts, options, quota, *reversible, *address);
  });
  if (outcome && *reversible && settings->get(setting::authcram) == "no")
    context.out.warn("authcram is no: nothing is kept before it is learn or yes");
  return outcome;
}

Outcome set_mailbox(Context& context, const MailboxOptions& options) {
  const Wanted<NamedQuota> quota = quota_of(options);
  if (!quota) return tl::unexpected(quota.error());
  if (options.reversible) return set_with_switches(context, options, *quota);
  Wanted<Directory> directory = Directory::open(context);
  if (!directory) return tl::unexpected(directory.error());
  return for_each_name(context, options.names, [&](const std::string& text) -> Outcome {
    const Wanted<Address> address = parse_address(text);
    if (!address) return tl::unexpected(address.error());
    const Wanted<Mailbox> mailbox = as_named(*directory, options, *quota, *address);
    if (!mailbox) return tl::unexpected(mailbox.error());
    return report(context, (*directory)->set_mailbox(*mailbox, context.actor), "mailbox", "changed",
                  address->str());
  });
}

Outcome delete_one(Context& context, Accounts& accounts, const std::string& text) {
  const Wanted<Address> address = parse_address(text);
  if (!address) return tl::unexpected(address.error());
  const Wanted<Mailbox> found = find_mailbox(accounts.directory, *address);
  if (!found) return tl::unexpected(found.error());
  Outcome sure = confirm_deletion(context, "mailbox " + address->str(), address->str(), false);
  if (!sure) return sure;
  const std::string account = found->address.str();
  const Result<Change> change = accounts.directory->remove_mailbox(*address, context.actor);
  Outcome outcome = report(context, change, "mailbox", "deleted", address->str());
  if (!outcome || context.dry_run) return outcome;
  if (const Result<bool> removed = accounts.credentials->remove(account); !removed)
    context.out.warn("the password of " + account + " stays behind: " + removed.error().detail);
  context.out.note("the mail stays in " + accounts.instance.path("mail/" + found->maildir));
  return outcome;
}

Outcome delete_mailboxes(Context& context, const MailboxOptions& options) {
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  return for_each_name(context, options.names, [&](const std::string& name) {
    return delete_one(context, *accounts, name);
  });
}

Outcome change_password(Context& context, const MailboxOptions& options) {
  const Wanted<Address> address = parse_address(options.names.front());
  if (!address) return tl::unexpected(address.error());
  const Wanted<Keeping> keeping = Keeping::by_settings(context);
  if (!keeping) return tl::unexpected(keeping.error());
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  const Wanted<Mailbox> found = find_mailbox(accounts->directory, *address);
  if (!found) return tl::unexpected(found.error());
  const auto* program = keeping->programs.find(found->address.domain().str());
  if (program != nullptr) return refuse_password(*program);
  const Wanted<Password> password = obtain_password(context, options.password, address->str());
  if (!password) return tl::unexpected(password.error());
  if (context.dry_run) {
    context.out.did("would be changed", "password", address->str());
    return Exit::would_change;
  }
  const std::string account = found->address.str();
  const Result<void> stored =
      store_password(*accounts->credentials, *keeping, account, *password, context.clock.wall());
  if (!stored) return fail(stored.error(), accounts->instance.path("db-auth"));
  record_change(context, *accounts, "mailbox.passwd", account);
  const Record shown = shown_password(context, *password);
  context.out.did("changed", "password", address->str(), shown);
  return Exit::done;
}

void add_settings(CLI::App* command, MailboxOptions& options) {
  command->add_option("--quota", options.quota, "1G, 500M, bytes, or unlimited")->type_name("SIZE");
  command
      ->add_option("--quota-messages", options.quota_messages, "A number of messages, or unlimited")
      ->type_name("N");
  command->add_option("--name", options.display_name, "The person's name")->type_name("TEXT");
  for (const auto& [flag, place, what] :
       {std::tuple("--pop3", &options.pop3, "POP3 login"),
        std::tuple("--imap", &options.imap, "IMAP login"),
        std::tuple("--smtp", &options.smtp, "Sending mail after login"),
        std::tuple("--receive", &options.receive, "Receiving mail")})
    command->add_option(flag, *place, what)->type_name("on|off");
}

}  // namespace

void add_mailbox(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("mailbox", "Mailboxes: who has mail here");
  noun->require_subcommand(1);
  auto options = std::make_shared<MailboxOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const MailboxOptions&)) {
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* add = noun->add_subcommand("add", "Add mailboxes");
  add->add_option("ADDRESS", options->names, "Whole addresses; - reads them from standard input")
      ->required();
  add_settings(add, *options);
  options->password.add_to(*add);
  add->footer(
      "Examples:\n"
      "  toastctl mailbox add ann@example.org --quota 1G\n"
      "  toastctl mailbox add bob@example.org --password-generate\n"
      "  toastctl mailbox add - --password-file FILE < addresses");
  bind(add, add_mailboxes);

  CLI::App* list = noun->add_subcommand("list", "List mailboxes");
  list->add_option("--domain", options->domain, "Only of this domain")->type_name("DOMAIN");
  list->add_option("--match", options->match, "Only addresses like this: 'a*@example.org'")
      ->type_name("GLOB");
  options->page.add_to(*list);
  list->footer(
      "Examples:\n  toastctl mailbox list --domain example.org --json\n"
      "  toastctl mailbox list --limit 1000 --cursor zoe@example.org");
  bind(list, list_mailboxes);

  CLI::App* show = noun->add_subcommand("show", "Show everything about a mailbox");
  show->add_option("ADDRESS", options->names)->required()->expected(1);
  show->footer("Example:\n  toastctl mailbox show ann@example.org --json");
  bind(show, show_mailbox);

  CLI::App* set = noun->add_subcommand("set", "Change only what is named");
  set->add_option("ADDRESS", options->names)->required();
  add_settings(set, *options);
  set->add_option("--reversible", options->reversible,
                  "Keep the password so that it can be had back, for CRAM-MD5 and APOP")
      ->type_name("on|off");
  set->footer(
      "Examples:\n  toastctl mailbox set ann@example.org --quota 2G --pop3=off\n"
      "  toastctl mailbox set ann@example.org --reversible=on");
  bind(set, set_mailbox);

  CLI::App* remove = noun->add_subcommand("delete", "Delete mailboxes; their mail stays on disk");
  remove->add_option("ADDRESS", options->names)->required();
  remove->footer("Example:\n  toastctl mailbox delete ann@example.org --yes");
  bind(remove, delete_mailboxes);

  CLI::App* passwd = noun->add_subcommand("passwd", "Set a new password");
  passwd->add_option("ADDRESS", options->names)->required()->expected(1);
  options->password.add_to(*passwd);
  passwd->footer(
      "Examples:\n"
      "  toastctl mailbox passwd ann@example.org\n"
      "  toastctl mailbox passwd ann@example.org --password-generate");
  bind(passwd, change_password);

  add_app_password(*noun, context);
  add_mailbox_import(*noun, context);
}

}  // namespace toast::admin
