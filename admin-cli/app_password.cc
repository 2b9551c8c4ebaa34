// toastctl mailbox app-password: a password for each program of a mailbox's owner.
#include "auth/app_password.h"

#include "admin-cli/accounts.h"

namespace toast::admin {
namespace {

struct AppPasswordOptions {
  std::string address;
  std::string name;
  std::string services;
};

// The stores, and the mailbox that was named.
struct MailboxOwner {
  Accounts accounts;
  std::string account;

  auth::CredentialsRepository& credentials() { return *accounts.credentials; }
  static Wanted<MailboxOwner> find(Context& context, const std::string& address) {
    Wanted<Accounts> accounts = Accounts::open(context);
    if (!accounts) return tl::unexpected(std::move(accounts.error()));
    const Wanted<vdomain::Mailbox> mailbox = find_mailbox(accounts->directory, address);
    if (!mailbox) return tl::unexpected(mailbox.error());
    return MailboxOwner{std::move(*accounts), mailbox->address.str()};
  }
};

Record to_record(const auth::AppPassword& password) {
  Value used;
  if (password.used) used = iso_time(*password.used);
  Value from;
  if (!password.used_from.empty()) from = password.used_from;
  return Record{{"name", password.name},
                {"services", password.services.empty() ? std::string("all") : password.services},
                {"made", iso_time(password.made)},
                {"last_used", used},
                {"last_used_from", from},
                {"locked", password.state == auth::CredentialState::locked}};
}

Outcome add(Context& context, const AppPasswordOptions& options) {
  const Result<std::string> services = auth::parse_services(options.services);
  if (!services)
    return fail(Exit::invalid, "bad_service", services.error().detail, options.services,
                "--service pop3,smtp; without it the password is good for every service");
  Wanted<MailboxOwner> owner = MailboxOwner::find(context, options.address);
  if (!owner) return tl::unexpected(std::move(owner.error()));
  const std::string& account = owner->account;
  const std::string object = account + " " + options.name;
  if (context.dry_run) {
    context.out.did("would be added", "app password", object);
    return Exit::would_change;
  }
  const auto made = auth::add_app_password(owner->credentials(), context.random, account,
                                           {options.name, *services}, context.clock.wall());
  if (!made && made.error().failure == toast::Failure::permanent)
    return fail(Exit::invalid, "app_password_refused", made.error().detail, object);
  if (!made) return fail(made.error(), owner->accounts.instance.path("db-auth"));
  if (!*made)
    return fail(Exit::conflict, "app_password_exists",
                account + " has an app password " + options.name, object,
                "a password is shown once; remove it and add it again");
  record_change(context, owner->accounts, "mailbox.app-password.add", account);
  context.out.line("password: " + std::string((*made)->view()));
  context.out.did("added", "app password", object, Record{{"password", (*made)->view()}});
  return Exit::done;
}

Outcome list(Context& context, const AppPasswordOptions& options) {
  Wanted<MailboxOwner> owner = MailboxOwner::find(context, options.address);
  if (!owner) return tl::unexpected(std::move(owner.error()));
  const auto passwords = owner->credentials().app_passwords(owner->account);
  if (!passwords) return fail(passwords.error(), owner->accounts.instance.path("db-auth"));
  std::vector<Record> rows;
  for (const auth::AppPassword& password : *passwords) rows.push_back(to_record(password));
  context.out.list("app_passwords",
                   {{"name", "NAME"},
                    {"services", "SERVICES"},
                    {"made", "MADE"},
                    {"last_used", "LAST USED"},
                    {"last_used_from", "FROM"}},
                   rows);
  return Exit::done;
}

Outcome remove(Context& context, const AppPasswordOptions& options) {
  Wanted<MailboxOwner> owner = MailboxOwner::find(context, options.address);
  if (!owner) return tl::unexpected(std::move(owner.error()));
  const std::string& account = owner->account;
  const std::string object = account + " " + options.name;
  const auto passwords = owner->credentials().app_passwords(account);
  if (!passwords) return fail(passwords.error(), owner->accounts.instance.path("db-auth"));
  const bool there =
      std::any_of(passwords->begin(), passwords->end(),
                  [&](const auth::AppPassword& one) { return one.name == options.name; });
  if (!there)
    return fail(Exit::not_found, "app_password_not_found",
                account + " has no app password " + options.name, object,
                "toastctl mailbox app-password list " + account);
  if (context.dry_run) {
    context.out.did("would be removed", "app password", object);
    return Exit::would_change;
  }
  const Result<bool> removed = owner->credentials().remove_app_password(account, options.name);
  if (!removed) return fail(removed.error(), owner->accounts.instance.path("db-auth"));
  record_change(context, owner->accounts, "mailbox.app-password.remove", account);
  context.out.did("removed", "app password", object);
  return Exit::done;
}

}  // namespace

void add_app_password(CLI::App& mailbox, Context& context) {
  CLI::App* noun = mailbox.add_subcommand(
      "app-password", "Passwords for single programs, made up, shown once, revoked one by one");
  noun->require_subcommand(1);
  auto options = std::make_shared<AppPasswordOptions>();
  const auto bind = [&context, options](CLI::App* command,
                                        Outcome (*work)(Context&, const AppPasswordOptions&)) {
    command->add_option("ADDRESS", options->address, "The mailbox")->required();
    command->callback([&context, options, work] {
      context.action = [&context, options, work] { return work(context, *options); };
    });
  };
  CLI::App* added = noun->add_subcommand("add", "Make one up and show it once");
  bind(added, add);
  added->add_option("NAME", options->name, "What it is for: phone, \"office printer\"")->required();
  added->add_option("--service", options->services, "Only for these: pop3, imap, smtp")
      ->type_name("LIST");
  added->footer(
      "Example:\n  toastctl mailbox app-password add ann@example.org phone --service pop3,smtp");

  CLI::App* listed = noun->add_subcommand("list", "Which there are, and when each was last used");
  bind(listed, list);
  listed->footer("Example:\n  toastctl mailbox app-password list ann@example.org");

  CLI::App* removed = noun->add_subcommand("remove", "Revoke one; it is refused from now on");
  bind(removed, remove);
  removed->add_option("NAME", options->name)->required();
  removed->footer("Example:\n  toastctl mailbox app-password remove ann@example.org phone");
}

}  // namespace toast::admin
