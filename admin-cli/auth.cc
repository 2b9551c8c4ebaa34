// toastctl auth: what became of logins, who is kept out, and who is to be.
#include <fmt/format.h>

#include <algorithm>

#include "admin-cli/arguments.h"
#include "admin-cli/auth_client.h"
#include "admin-cli/context.h"
#include "admin-cli/queue_client.h"
#include "mta/queue/sender_messages.h"

namespace toast::admin {
namespace {

struct LoginLogOptions {
  std::string account;
  std::string address;
  std::string since;
  bool failed = false;
  std::uint32_t limit = 100;
};

struct BanOptions {
  std::vector<std::string> networks;
  std::string duration;
  std::string reason;
  bool force = false;
};

Record login_record(const auth::LoginEvent& event) {
  return Record{{"first", iso_time(event.first)},
                {"last", iso_time(event.last)},
                {"count", event.count},
                {"result", auth::login_result_name(event.result)},
                {"service", auth::service_name(event.service)},
                {"address", event.peer},
                {"login", event.login},
                {"account", optional_text(event.account)},
                {"reason", optional_text(event.reason)},
                {"app_password", optional_text(event.app_password)}};
}

Wanted<std::int64_t> moment_before(const Context& context, const std::string& age) {
  if (age.empty()) return 0;
  const auto parsed = parse_age(age, "--since");
  if (!parsed) return tl::unexpected(parsed.error());
  return std::max<std::int64_t>(0, unix_seconds(context.clock.wall() - *parsed));
}

Wanted<std::vector<auth::LoginEvent>> ask_for_logins(ProgramClient& client,
                                                     auth::ListLogins question, std::uint32_t limit,
                                                     std::int64_t& oldest) {
  std::vector<auth::LoginEvent> events;
  for (;;) {
    question.limit = std::min<std::uint32_t>(auth::kMaxListedLogins,
                                             limit - static_cast<std::uint32_t>(events.size()));
    auto page = client.ask(question, "bad_address");
    if (!page) return tl::unexpected(page.error());
    oldest = page->reaches_back_to;
    const bool last = page->events.size() < question.limit;
    std::ranges::move(page->events, std::back_inserter(events));
    if (last || events.size() >= limit) return events;
    question.before = events.back().serial;
  }
}

Outcome show_logins(Context& context, const LoginLogOptions& options) {
  auth::ListLogins question;
  question.account = options.account;
  question.network = options.address;
  question.failed_only = options.failed;
  const Wanted<std::int64_t> since = moment_before(context, options.since);
  if (!since) return tl::unexpected(since.error());
  question.since = *since;
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto client = AuthClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  std::int64_t oldest = 0;
  auto events = ask_for_logins(**client, std::move(question), options.limit, oldest);
  if (!events) return tl::unexpected(events.error());
  std::vector<Record> rows;
  for (const auth::LoginEvent& event : *events) rows.push_back(login_record(event));
  if (context.json) {
    std::vector<Value> logins(rows.begin(), rows.end());
    context.out.show(Record{{"logins", std::move(logins)},
                            {"oldest", oldest == 0 ? Value() : Value(iso_time(oldest))}});
    return Exit::done;
  }
  context.out.list("logins",
                   {{"last", "LAST"},
                    {"count", "COUNT"},
                    {"result", "RESULT"},
                    {"service", "SERVICE"},
                    {"address", "ADDRESS"},
                    {"login", "LOGIN"},
                    {"account", "ACCOUNT"},
                    {"reason", "REASON"}},
                   rows);
  if (events->size() == options.limit)
    context.out.warn("there may be more: these are the newest; narrow it, or raise --limit");
  return Exit::done;
}

Outcome ban_network(Context& context, const BanOptions& options, const std::string& network) {
  auth::BanNetwork question;
  question.network = network;
  question.reason = options.reason;
  question.force = options.force;
  question.dry_run = context.dry_run;
  if (!options.duration.empty()) {
    const auto time = parse_age(options.duration, "--for");
    if (!time) return tl::unexpected(time.error());
    if (time->count() == 0)
      return fail(Exit::invalid, "bad_time", "--for: no time at all", options.duration,
                  "leave it away for a ban without an end");
    question.seconds = static_cast<std::uint64_t>(time->count());
  }
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto client = AuthClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  const auto done = (*client)->ask(std::move(question), "bad_ban");
  if (!done) {
    Failure failure = done.error();
    failure.object = network;
    if (failure.code == "bad_ban" && !options.force)
      failure.hint = "an address, 192.0.2.0/24 or 2001:db8::/32; --force if it is meant so";
    return tl::unexpected(std::move(failure));
  }
  context.out.did(context.verb("banned"), "address", network);
  return context.dry_run ? Exit::would_change : Exit::done;
}

// Whoever is inside a wider ban is not let in by naming its address.
Outcome nothing_lifted(Context& context, ProgramClient& client, const std::string& who) {
  const Result<Network> asked = Network::parse(who);
  const Result<IpAddress> address = IpAddress::parse(who.substr(0, who.find('/')));
  if (asked && address) {
    const auto bans = client.ask(auth::ListBans{});
    if (!bans) return tl::unexpected(bans.error());
    for (const auth::ListBans::BanRow& ban : bans->bans) {
      const Result<Network> wider = Network::parse(ban.network);
      if (wider && wider->contains(*address))
        return fail(Exit::conflict, "banned_with_its_network",
                    who + " is banned together with " + ban.network, who,
                    "toastctl auth unban " + ban.network);
    }
  }
  context.out.did("unchanged", "address", who);
  return Exit::done;
}

Outcome let_in(Context& context, const std::string& who) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto client = AuthClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  const auto reply = (*client)->ask(auth::LetIn{who, context.dry_run});
  if (!reply) return tl::unexpected(reply.error());
  if (!reply->was_banned && !reply->was_hindered) return nothing_lifted(context, **client, who);
  context.out.did(context.verb("unbanned"), "address", who);
  return context.dry_run ? Exit::would_change : Exit::done;
}

Value end_of(std::int64_t seconds) { return seconds == 0 ? Value() : Value(iso_time(seconds)); }

Outcome list_bans(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto client = AuthClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  const auto reply = (*client)->ask(auth::ListBans{});
  if (!reply) return tl::unexpected(reply.error());
  std::vector<Record> bans;
  for (const auto& ban : reply->bans)
    bans.push_back(Record{{"network", ban.network},
                          {"made", iso_time(ban.made)},
                          {"until", end_of(ban.until)},
                          {"reason", optional_text(ban.reason)}});
  std::vector<Record> throttled;
  for (const auto& one : reply->hindered)
    throttled.push_back(Record{{"who", one.who},
                               {"limit", one.limit},
                               {"until", end_of(one.until)},
                               {"attempts", one.attempts},
                               {"last_address", one.peer}});
  if (context.json) {
    context.out.show(Record{{"bans", std::vector<Value>(bans.begin(), bans.end())},
                            {"throttled", std::vector<Value>(throttled.begin(), throttled.end())}});
    return Exit::done;
  }
  context.out.list(
      "bans", {{"network", "BANNED"}, {"made", "MADE"}, {"until", "UNTIL"}, {"reason", "REASON"}},
      bans);
  if (throttled.empty()) return Exit::done;
  context.out.line("");
  context.out.list("throttled",
                   {{"who", "THROTTLED"},
                    {"limit", "LIMIT"},
                    {"until", "UNTIL"},
                    {"attempts", "TURNED AWAY"},
                    {"last_address", "LAST FROM"}},
                   throttled);
  return Exit::done;
}

Wanted<std::vector<auth::ForeignSender>> all_foreign_senders(ProgramClient& authd) {
  std::vector<auth::ForeignSender> senders;
  for (auth::ListForeignSenders question;;) {
    auto page = authd.ask(question);
    if (!page) return tl::unexpected(page.error());
    std::ranges::move(page->senders, std::back_inserter(senders));
    if (page->senders.size() < auth::kMaxListedSenders) return senders;
    question.after = senders.back();
  }
}

Wanted<std::vector<queue::StopRow>> all_stopped(ProgramClient& queued) {
  std::vector<queue::StopRow> rows;
  for (queue::ListStopped question;;) {
    auto page = queued.ask(question);
    if (!page) return tl::unexpected(page.error());
    std::ranges::move(page->rows, std::back_inserter(rows));
    if (!page->more) return rows;
    question.after = rows.back().login;
  }
}

Record sender_record(const auth::ForeignSender& sender) {
  return Record{{"login", sender.login},
                {"address", sender.address},
                {"where", auth::sender_place_name(sender.place)},
                {"count", sender.count},
                {"effect", sender.refused ? "refused" : "accepted"},
                {"first", iso_time(sender.first)},
                {"last", iso_time(sender.last)}};
}

Record stop_record(const queue::StopRow& row) {
  return Record{{"login", row.login},
                {"why", queue::stop_name(row.stop)},
                {"since", iso_time(row.since)},
                {"reason", optional_text(row.reason)}};
}

Outcome report(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  auto authd = AuthClient::connect(*instance);
  if (!authd) return tl::unexpected(authd.error());
  const auto senders = all_foreign_senders(**authd);
  if (!senders) return tl::unexpected(senders.error());
  auto queued =
      ProgramClient::connect(*instance, kQueuedSocket, "so who may not send is not known");
  if (!queued) return tl::unexpected(queued.error());
  const auto stopped = all_stopped(**queued);
  if (!stopped) return tl::unexpected(stopped.error());
  std::vector<Record> foreign;
  for (const auth::ForeignSender& sender : *senders) foreign.push_back(sender_record(sender));
  std::vector<Record> stops;
  for (const queue::StopRow& row : *stopped) stops.push_back(stop_record(row));
  if (context.json) {
    context.out.show(Record{{"foreign_senders", std::vector<Value>(foreign.begin(), foreign.end())},
                            {"stopped", std::vector<Value>(stops.begin(), stops.end())}});
    return Exit::done;
  }
  context.out.list("foreign_senders",
                   {{"login", "LOGIN"},
                    {"address", "SENDS AS"},
                    {"where", "WHERE"},
                    {"count", "COUNT"},
                    {"effect", "EFFECT"},
                    {"last", "LAST"}},
                   foreign);
  if (stops.empty()) return Exit::done;
  context.out.line("");
  context.out.list(
      "stopped",
      {{"login", "MAY NOT SEND"}, {"why", "WHY"}, {"since", "SINCE"}, {"reason", "REASON"}}, stops);
  return Exit::done;
}

void add_login_log(CLI::App& noun, Context& context) {
  CLI::App* command = noun.add_subcommand("log", "List the logins of the last days, newest first");
  auto options = std::make_shared<LoginLogOptions>();
  command->add_option("--account", options->account, "Of this account, or with this name typed")
      ->type_name("A");
  command->add_option("--address", options->address, "From this address or network")
      ->type_name("IP");
  command->add_option("--since", options->since, "Only what happened in this time: 2d, 12h")
      ->type_name("TIME");
  command->add_flag("--failed", options->failed, "Only those that did not get in");
  command->add_option("--limit", options->limit, "At most so many, the newest")
      ->type_name("N")
      ->check(CLI::Range(1U, 100'000U));
  command->footer(
      "Examples:\n  toastctl auth log --account ann@example.org --since 2d\n"
      "  toastctl auth log --address 192.0.2.0/24 --failed\n  toastctl auth log --json");
  command->callback([&context, options] {
    context.action = [&context, options] { return show_logins(context, *options); };
  });
}

void add_ban(CLI::App& noun, Context& context) {
  CLI::App* command = noun.add_subcommand("ban", "Let nobody log in from an address or network");
  auto options = std::make_shared<BanOptions>();
  command->add_option("ADDRESS", options->networks, "An address, or a network as 192.0.2.0/24")
      ->required();
  command->add_option("--for", options->duration, "For this time: 1h, 7d; else until unban")
      ->type_name("TIME");
  command->add_option("--reason", options->reason, "Shown by auth bans")->type_name("TEXT");
  command->add_flag("--force", options->force,
                    "Also this host's own addresses, authexemptnetworks, and very wide networks");
  command->footer(
      "Examples:\n  toastctl auth ban 192.0.2.7 --for 7d\n"
      "  toastctl auth ban 2001:db8:bad::/48 --reason 'guesses names'");
  command->callback([&context, options] {
    context.action = [&context, options] {
      return for_each_name(context, options->networks, [&](const std::string& network) {
        return ban_network(context, *options, network);
      });
    };
  });
}

}  // namespace

void add_auth(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("auth", "Logins: what became of them, and who is kept out");
  noun->require_subcommand(1);
  add_login_log(*noun, context);
  add_ban(*noun, context);
  CLI::App* unban = noun->add_subcommand(
      "unban", "End a ban, or the waiting time of an address or account with failed logins");
  auto who = std::make_shared<std::vector<std::string>>();
  unban->add_option("ADDRESS", *who, "An address, a network, or an account")->required();
  unban->footer(
      "Examples:\n  toastctl auth unban 192.0.2.7\n  toastctl auth unban ann@example.org");
  unban->callback([&context, who] {
    context.action = [&context, who] {
      return for_each_name(context, *who,
                           [&](const std::string& one) { return let_in(context, one); });
    };
  });
  CLI::App* reported = noun->add_subcommand(
      "report", "List who sends under addresses of others, and who may not send");
  reported->footer(
      "Examples:\n  toastctl auth report\n  toastctl auth report --json\n"
      "Whom sendercheck and fromcheck would refuse if they were enforce, seen in the last 30 "
      "days.");
  reported->callback([&context] { context.action = [&context] { return report(context); }; });
  CLI::App* bans = noun->add_subcommand("bans", "List who is banned, and who is throttled now");
  bans->footer("Examples:\n  toastctl auth bans\n  toastctl auth bans --json");
  bans->callback([&context] { context.action = [&context] { return list_bans(context); }; });
}

}  // namespace toast::admin
