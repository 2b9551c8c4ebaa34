// toastctl account: may its owner log in, may it send. A lock is all of it: nobody gets in, who is
// in is put out, and what waits to be sent is held.
#include "admin-cli/accounts.h"
#include "admin-cli/arguments.h"
#include "admin-cli/auth_client.h"
#include "admin-cli/password_keeping.h"
#include "admin-cli/password_programs.h"
#include "admin-cli/queue_client.h"
#include "mta/queue/sender_messages.h"

namespace toast::admin {
namespace {

using auth::CredentialState;

struct LockOptions {
  std::vector<std::string> addresses;
  bool keep_app_passwords = false;
};
struct SuspendOptions {
  std::vector<std::string> addresses;
  std::string reason;
};

// The account's own password and its app passwords.
struct Passwords {
  std::optional<auth::Credential> own;
  std::vector<auth::AppPassword> apps;
  bool any() const { return own || !apps.empty(); }
  bool all_are(CredentialState state) const {
    return (!own || own->state == state) &&
           std::all_of(apps.begin(), apps.end(),
                       [&](const auth::AppPassword& one) { return one.state == state; });
  }
};

Wanted<Passwords> passwords_of(Accounts& accounts, const std::string& account) {
  auto own = accounts.credentials->find(account);
  if (!own) return fail(own.error(), accounts.instance.path("db-auth"));
  auto apps = accounts.credentials->app_passwords(account);
  if (!apps) return fail(apps.error(), accounts.instance.path("db-auth"));
  return Passwords{std::move(*own), std::move(*apps)};
}

struct Account {
  Accounts stores;
  std::string address;  // the mailbox's, whatever name it was called by
  Passwords passwords;
  bool by_program = false;  // which checks the password instead
};

Wanted<Account> open_account(Context& context, const std::string& name) {
  Wanted<Accounts> stores = Accounts::open(context);
  if (!stores) return tl::unexpected(stores.error());
  const Wanted<vdomain::Mailbox> mailbox = find_mailbox(stores->directory, name);
  if (!mailbox) return tl::unexpected(mailbox.error());
  std::string address = mailbox->address.str();
  Wanted<Passwords> passwords = passwords_of(*stores, address);
  if (!passwords) return tl::unexpected(passwords.error());
  const auto program = program_for(stores->instance, mailbox->address.domain());
  if (!program) return tl::unexpected(program.error());
  return Account{std::move(*stores), std::move(address), std::move(*passwords),
                 program->has_value()};
}

Wanted<queue::StopSender::Reply> ask_queue(const Instance& instance, queue::StopSender question) {
  auto client = ProgramClient::connect(instance, kQueuedSocket, "so waiting mail stays as it is");
  if (!client) return tl::unexpected(client.error());
  return (*client)->ask(std::move(question), "stop_refused");
}

// After the store was changed: what runs has not heard of it.
tl::unexpected<Failure> half_done(Failure why, const std::string& account,
                                  std::string_view command) {
  why.message =
      account + (command == "lock" ? " may not log in, but " : " may log in, but ") + why.message;
  why.object = account;
  why.hint = "when the server runs: toastctl account " + std::string(command) + " " + account;
  return tl::unexpected(std::move(why));
}

Wanted<std::uint64_t> revoke_app_passwords(Accounts& accounts, const std::string& account,
                                           const Passwords& passwords) {
  for (const auth::AppPassword& app : passwords.apps) {
    const auto removed = accounts.credentials->remove_app_password(account, app.name);
    if (!removed) return fail(removed.error(), accounts.instance.path("db-auth"));
  }
  return passwords.apps.size();
}

// A lock is a state of the account's own password. Where a program checks passwords there is none:
// one that nobody knows takes the place, and is not asked for.
tl::expected<void, Failure> make_room_for_lock(Context& context, Accounts& accounts,
                                               const std::string& account) {
  constexpr std::size_t kUnguessable = 32;
  const Wanted<Keeping> keeping = Keeping::by_settings(context);
  if (!keeping) return tl::unexpected(keeping.error());
  Password nobodys;
  nobodys.text = Secret::random(context.random, kUnguessable);
  const Result<void> stored =
      store_password(*accounts.credentials, *keeping, account, nobodys, context.clock.wall());
  if (!stored) return fail(stored.error(), accounts.instance.path("db-auth"));
  return {};
}

Outcome lock(Context& context, const LockOptions& options, const std::string& address) {
  Wanted<Account> opened = open_account(context, address);
  if (!opened) return tl::unexpected(opened.error());
  auto& [accounts, account, passwords, by_program] = *opened;
  const bool wants_room = by_program && !passwords.own;
  const bool revokes = !options.keep_app_passwords && !passwords.apps.empty();
  const bool same = passwords.all_are(CredentialState::locked) && !revokes && !wants_room;
  std::uint64_t revoked = 0;
  if (!same && !context.dry_run) {
    if (wants_room)
      if (const auto made = make_room_for_lock(context, accounts, account); !made)
        return tl::unexpected(made.error());
    if (passwords.any() || wants_room) {
      const auto set = accounts.credentials->set_state(account, CredentialState::locked);
      if (!set) return fail(set.error(), accounts.instance.path("db-auth"));
    }
    if (revokes) {
      const auto done = revoke_app_passwords(accounts, account, passwords);
      if (!done) return tl::unexpected(done.error());
      revoked = *done;
    }
    record_change(context, accounts, "account.lock", account);
  }
  queue::StopSender stop{account, queue::Stop::locked, true, "account lock", context.dry_run};
  const auto held = ask_queue(accounts.instance, std::move(stop));
  if (!held) return half_done(held.error(), account, "lock");
  if (!context.dry_run) {
    auto authd = AuthClient::connect(accounts.instance);
    if (!authd) return half_done(authd.error(), account, "lock");
    const auto ended = (*authd)->ask(auth::EndAccountSessions{account});
    if (!ended) return half_done(ended.error(), account, "lock");
  }
  const bool unchanged = same && !held->changed && held->messages == 0;
  context.out.did(unchanged ? "unchanged" : context.verb("locked"), "account", account,
                  Record{{"revoked_app_passwords", revoked}, {"held_messages", held->messages}});
  if (!unchanged && !context.json)
    context.out.note("  its sessions are ended; app passwords revoked: " + std::to_string(revoked) +
                     "; messages held: " + std::to_string(held->messages));
  return context.dry_run && !unchanged ? Exit::would_change : Exit::done;
}

Outcome unlock(Context& context, const std::string& address) {
  Wanted<Account> opened = open_account(context, address);
  if (!opened) return tl::unexpected(opened.error());
  auto& [accounts, account, passwords, by_program] = *opened;
  const bool same = passwords.all_are(CredentialState::active);
  if (!same && !context.dry_run) {
    const auto set = accounts.credentials->set_state(account, CredentialState::active);
    if (!set) return fail(set.error(), accounts.instance.path("db-auth"));
    record_change(context, accounts, "account.unlock", account);
  }
  queue::StopSender go_on{account, queue::Stop::locked, false, "account unlock", context.dry_run};
  const auto released = ask_queue(accounts.instance, std::move(go_on));
  if (!released) return half_done(released.error(), account, "unlock");
  const bool unchanged = same && !released->changed && released->messages == 0;
  context.out.did(unchanged ? "unchanged" : context.verb("unlocked"), "account", account,
                  Record{{"released_messages", released->messages}});
  if (!passwords.any() && !by_program)
    context.out.warn(account + " has no password: toastctl mailbox passwd " + account);
  return context.dry_run && !unchanged ? Exit::would_change : Exit::done;
}

// A login that is no mailbox any more can be let go, but not stopped.
Outcome suspend(Context& context, const std::string& address, bool stopped,
                const std::string& reason) {
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  const Wanted<Address> parsed = parse_address(address);
  if (!parsed) return tl::unexpected(parsed.error());
  const Wanted<Address> canonical = account_for(accounts->directory, *parsed);
  if (!canonical) return tl::unexpected(canonical.error());
  if (stopped) {
    const Wanted<vdomain::Mailbox> mailbox = find_mailbox(accounts->directory, *canonical);
    if (!mailbox) return tl::unexpected(mailbox.error());
  }
  const std::string account = canonical->str();
  queue::StopSender question{account, queue::Stop::suspended, stopped, reason, context.dry_run};
  const auto done = ask_queue(accounts->instance, std::move(question));
  if (!done) return tl::unexpected(done.error());
  const bool unchanged = !done->changed && done->messages == 0;
  const std::string_view verb = stopped ? "suspended" : "resumed";
  context.out.did(unchanged ? "unchanged" : context.verb(verb), "account", account,
                  Record{{stopped ? "held_messages" : "released_messages", done->messages}});
  if (unchanged) return Exit::done;
  if (context.dry_run) return Exit::would_change;
  record_change(context, *accounts, stopped ? "account.suspend" : "account.resume", account);
  return Exit::done;
}

std::string_view login_state(const Passwords& passwords, bool by_program) {
  if (by_program)
    return passwords.own && passwords.own->state == CredentialState::locked ? "locked" : "open";
  if (!passwords.any()) return "no password";
  return passwords.all_are(CredentialState::locked) ? "locked" : "open";
}

void add_sending(Record& record, const queue::ShowSender::Reply& sender) {
  std::vector<Value> stops;
  stops.reserve(sender.stops.size());
  for (const queue::StopRow& row : sender.stops)
    stops.emplace_back(Record{{"why", queue::stop_name(row.stop)},
                              {"since", iso_time(row.since)},
                              {"reason", optional_text(row.reason)}});
  const auto limit = [](std::uint64_t v) { return v == 0 ? Value() : Value(v); };
  record.add("sending", sender.stops.empty() ? "open" : "stopped")
      .add("stops", std::move(stops))
      .add("sent_hour", sender.sent_hour)
      .add("sent_day", sender.sent_day)
      .add("limit_hour", limit(sender.limit_hour))
      .add("limit_day", limit(sender.limit_day))
      .add("put_off_hour", sender.put_off_hour)
      .add("suspended_at", limit(sender.suspended_at));
}

Outcome show(Context& context, const std::string& address) {
  Wanted<Account> opened = open_account(context, address);
  if (!opened) return tl::unexpected(opened.error());
  auto& [accounts, account, passwords, by_program] = *opened;
  Record record{{"account", account},
                {"login", login_state(passwords, by_program)},
                {"app_passwords", std::uint64_t{passwords.apps.size()}}};
  auto client = ProgramClient::connect(accounts.instance, kQueuedSocket, "so sending is not known");
  if (client) {
    const auto sender = (*client)->ask(queue::ShowSender{account});
    if (!sender) return tl::unexpected(sender.error());
    add_sending(record, *sender);
  } else {
    record.add("sending", Value());
    context.out.warn(client.error().message);
  }
  context.out.show(record);
  return Exit::done;
}

void add_lock(CLI::App& noun, Context& context) {
  CLI::App* command = noun.add_subcommand(
      "lock", "Let nobody in, end its sessions, hold its waiting mail, revoke its app passwords");
  auto options = std::make_shared<LockOptions>();
  command->add_option("ADDRESS", options->addresses)->required();
  command->add_flag("--keep-app-passwords", options->keep_app_passwords,
                    "Refuse them as well, but take them again after unlock");
  command->footer(
      "Examples:\n  toastctl account lock ann@example.org\n"
      "  toastctl account lock ann@example.org --keep-app-passwords");
  command->callback([&context, options] {
    context.action = [&context, options] {
      return for_each_name(context, options->addresses,
                           [&](const std::string& name) { return lock(context, *options, name); });
    };
  });
}

// `work` for every address named.
CLI::App* add_plain(CLI::App& noun, Context& context, const char* verb, const char* what,
                    Outcome (*work)(Context&, const std::string&)) {
  CLI::App* command = noun.add_subcommand(verb, what);
  auto addresses = std::make_shared<std::vector<std::string>>();
  command->add_option("ADDRESS", *addresses)->required();
  command->footer(std::string("Example:\n  toastctl account ") + verb + " ann@example.org");
  command->callback([&context, addresses, work] {
    context.action = [&context, addresses, work] {
      return for_each_name(context, *addresses,
                           [&](const std::string& name) { return work(context, name); });
    };
  });
  return command;
}

void add_suspend(CLI::App& noun, Context& context) {
  CLI::App* command =
      noun.add_subcommand("suspend", "Let it send nothing, and hold its waiting mail");
  auto options = std::make_shared<SuspendOptions>();
  command->add_option("ADDRESS", options->addresses)->required();
  command->add_option("--reason", options->reason, "Shown by account show")->type_name("TEXT");
  command->footer(
      "Example:\n  toastctl account suspend ann@example.org --reason 'sends advertisements'");
  command->callback([&context, options] {
    context.action = [&context, options] {
      return for_each_name(context, options->addresses, [&](const std::string& name) {
        return suspend(context, name, true,
                       options->reason.empty() ? "by an operator" : options->reason);
      });
    };
  });
}

}  // namespace

void add_account(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("account", "Accounts: may their owners log in, and send");
  noun->require_subcommand(1);
  add_plain(*noun, context, "show", "May its owner log in, may it send, how much has it sent",
            show);
  add_lock(*noun, context);
  add_plain(*noun, context, "unlock", "Take its password again, and release what the lock held",
            unlock);
  add_suspend(*noun, context);
  add_plain(*noun, context, "resume",
            "Let it send again, and release what was held when it was suspended",
            [](Context& with, const std::string& name) {
              return suspend(with, name, false, "account resume");
            });
}

}  // namespace toast::admin
