// toastctl account: may its owner log in.
#include "admin-cli/accounts.h"

namespace toast::admin {
namespace {

Outcome set_state(Context& context, const std::string& address, auth::CredentialState state) {
  const bool lock = state == auth::CredentialState::locked;
  Wanted<Accounts> accounts = Accounts::open(context);
  if (!accounts) return tl::unexpected(accounts.error());
  const Wanted<vdomain::Mailbox> mailbox = find_mailbox(accounts->directory, address);
  if (!mailbox) return tl::unexpected(mailbox.error());
  const std::string account = mailbox->address.str();
  const auto own = accounts->credentials->find(account);
  const auto apps = accounts->credentials->app_passwords(account);
  if (!own || !apps)
    return fail(own ? apps.error() : own.error(), accounts->instance.path("db-auth"));
  if (!*own && apps->empty())
    return fail(Exit::not_found, "no_password", account + " has no password", account,
                "toastctl mailbox passwd " + account);
  const bool same = (!*own || (*own)->state == state) &&
                    std::all_of(apps->begin(), apps->end(),
                                [&](const auth::AppPassword& one) { return one.state == state; });
  const std::string_view done = lock ? "locked" : "unlocked";
  if (same || context.dry_run) {
    context.out.did(same ? "unchanged" : context.verb(done), "account", account);
    return same ? Exit::done : Exit::would_change;
  }
  const Result<bool> set = accounts->credentials->set_state(account, state);
  if (!set) return fail(set.error(), accounts->instance.path("db-auth"));
  record_change(context, *accounts, lock ? "account.lock" : "account.unlock", account);
  context.out.did(done, "account", account);
  return Exit::done;
}

}  // namespace

void add_account(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("account", "Accounts: may their owners log in");
  noun->require_subcommand(1);
  auto addresses = std::make_shared<std::vector<std::string>>();
  for (const auto& [verb, state, what] :
       {std::tuple("lock", auth::CredentialState::locked,
                   "Refuse every login, app passwords included; mail still arrives"),
        std::tuple("unlock", auth::CredentialState::active, "Take the passwords again")}) {
    CLI::App* command = noun->add_subcommand(verb, what);
    command->add_option("ADDRESS", *addresses)->required();
    command->footer(std::string("Example:\n  toastctl account ") + verb + " ann@example.org");
    command->callback([&context, addresses, wanted = state] {
      context.action = [&context, addresses, wanted] {
        return for_each_name(context, *addresses, [&](const std::string& name) {
          return set_state(context, name, wanted);
        });
      };
    });
  }
}

}  // namespace toast::admin
