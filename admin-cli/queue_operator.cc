// toastctl queue retry|hold|release|delete|bounce|flush|top|destinations, and pause|resume.
#include <fmt/format.h>

#include "admin-cli/context.h"
#include "admin-cli/queue_client.h"
#include "admin-cli/queue_commands.h"
#include "admin-cli/queue_selection.h"

namespace toast::admin {
namespace {

using queue::QueueAct;
using queue::QueueDestinations;
using queue::QueuePause;
using queue::QueueTop;
using Verb = QueueAct::Action;

// A command that changes what is selected.
struct Command {
  Verb verb;
  const char* name;
  const char* done;  // "retried"
  const char* help;
  const char* reason_help;  // null: it takes none
  const char* example;
  bool final;  // cannot be taken back: asks
};

constexpr Command kCommands[] = {
    {Verb::retry, "retry", "retried", "Try now, whatever the schedule says", nullptr,
     "toastctl queue retry --domain 'example.*'", false},
    {Verb::hold, "hold", "held", "Keep from being delivered until released",
     "Shown in the queue beside the message", "toastctl queue hold --login ann@example.org", false},
    {Verb::release, "release", "released", "Deliver what was held", nullptr,
     "toastctl queue release --all", false},
    {Verb::remove, "delete", "deleted", "Remove for good; nobody is told", nullptr,
     "toastctl queue delete --from '*@spam.test' --dry-run", true},
    {Verb::bounce, "bounce", "bounced", "Return to the senders now", "Told to the sender",
     "toastctl queue bounce --domain dead.test --reason 'that host is gone'", true},
};

struct ActOptions {
  QueueSelection selection;
  std::string reason;
};

std::string counted(std::uint64_t messages, std::uint64_t recipients) {
  return fmt::format("{} {}, {} {}", messages, messages == 1 ? "message" : "messages", recipients,
                     recipients == 1 ? "recipient" : "recipients");
}

Record to_record(const QueueAct::Reply& reply) {
  return Record{
      {"messages", reply.messages}, {"recipients", reply.recipients}, {"in_hand", reply.in_hand}};
}

Outcome act(Context& context, const Command& command, const ActOptions& options) {
  if (options.selection.is_empty() && !options.selection.all)
    return fail(Exit::usage, "nothing_selected", "which messages?", command.name,
                "name queue ids, or --from, --to, --domain, --why, --login, --older, or --all");
  const Wanted<queue::Selection> selection = options.selection.selection();
  if (!selection) return tl::unexpected(selection.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  const auto counted_first = (*client)->act({command.verb, *selection, options.reason, true});
  if (!counted_first) return tl::unexpected(counted_first.error());
  const std::string what = counted(counted_first->messages, counted_first->recipients);
  if (counted_first->messages == 0) {
    if (options.selection.names_ids_only())
      return fail(Exit::not_found, "message_not_found",
                  "no such message in the queue: delivered, or never here", command.name);
    context.out.did("unchanged", "queue", "nothing matches", to_record(*counted_first));
    return Exit::done;
  }
  if (context.dry_run) {
    context.out.did(context.verb(command.done), "queue", what, to_record(*counted_first));
    return Exit::would_change;
  }
  if (command.final && !options.selection.names_ids_only())
    if (Outcome sure =
            confirm_deletion(context, fmt::format("{} ({})", what, command.done), "queue", false);
        !sure)
      return sure;
  const auto done = (*client)->act({command.verb, *selection, options.reason, false});
  if (!done) return tl::unexpected(done.error());
  context.out.did(command.done, "queue", counted(done->messages, done->recipients),
                  to_record(*done));
  if (done->in_hand > 0 && command.verb != Verb::retry)
    context.out.note(
        fmt::format("{} of the recipients are being delivered now: it holds for them if that fails",
                    done->in_hand));
  return Exit::done;
}

void add_command(CLI::App& noun, Context& context, const Command& command) {
  auto options = std::make_shared<ActOptions>();
  CLI::App* app = noun.add_subcommand(command.name, command.help);
  options->selection.add_options(*app, true);
  options->selection.add_all_option(*app);
  if (command.reason_help != nullptr)
    app->add_option("--reason", options->reason, command.reason_help)->type_name("TEXT");
  app->footer(fmt::format("Example:\n  {}", command.example));
  app->callback([&context, &command, options] {
    context.action = [&context, &command, options] { return act(context, command, *options); };
  });
}

Outcome flush(Context& context, const std::string& name) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  QueueAct::Reply total;
  // A domain of recipients, or the name of a destination.
  for (const bool as_domain : {true, false}) {
    queue::Selection selection;
    (as_domain ? selection.domain : selection.destination) = name;
    const auto done = (*client)->act({Verb::retry, selection, {}, context.dry_run});
    if (!done) return tl::unexpected(done.error());
    if (done->messages > total.messages) total = *done;
  }
  if (total.messages == 0)
    return fail(Exit::not_found, "nothing_waits", "nothing in the queue goes there", name,
                "toastctl queue destinations shows where mail waits");
  context.out.did(context.verb("flushed"), "destination",
                  name + ": " + counted(total.messages, total.recipients), to_record(total));
  return context.dry_run ? Exit::would_change : Exit::done;
}

struct TopOptions {
  std::string by = "domain";
  std::uint32_t limit = 20;
};

Outcome top(Context& context, const TopOptions& options) {
  QueueTop question;
  question.limit = options.limit;
  if (options.by == "sender") question.by = QueueTop::By::sender;
  if (options.by == "domain") question.by = QueueTop::By::domain;
  if (options.by == "reason") question.by = QueueTop::By::reason;
  if (options.by == "login") question.by = QueueTop::By::login;
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  const auto reply = (*client)->top(question);
  if (!reply) return tl::unexpected(reply.error());
  std::vector<Record> rows;
  for (const QueueTop::Row& row : reply->rows)
    rows.push_back(Record{{"key", row.key},
                          {"messages", row.messages},
                          {"recipients", row.recipients},
                          {"deferred", row.deferred},
                          {"oldest", iso_time(row.oldest_seconds)}});
  context.out.list("top",
                   {{"recipients", "RECIPIENTS"},
                    {"deferred", "DEFERRED"},
                    {"messages", "MESSAGES"},
                    {"oldest", "OLDEST"},
                    {"key", options.by == "reason"   ? "WHY"
                            : options.by == "domain" ? "DOMAIN"
                                                     : "WHO"}},
                   rows);
  return Exit::done;
}

Outcome destinations(Context& context) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  std::vector<Record> rows;
  QueueDestinations question;
  for (bool more = true; more;) {
    const auto page = (*client)->destinations(question);
    if (!page) return tl::unexpected(page.error());
    for (const QueueDestinations::Row& row : page->rows) {
      const char* state = row.paused ? "paused" : row.down ? "down" : "up";
      rows.push_back(
          Record{{"destination", row.name},
                 {"state", state},
                 {"waiting", row.waiting},
                 {"in_hand", row.in_hand},
                 {"limit", row.limit},
                 {"next_probe", row.probe_seconds == 0 ? Value() : iso_time(row.probe_seconds)},
                 {"why", row.why.empty() ? Value() : Value(row.why)}});
      question.after = row.name;
    }
    more = page->more && !page->rows.empty();
    if (page->inbound_paused && !more) context.out.warn("inbound mail is paused");
    if (page->outbound_paused && !more) context.out.warn("outbound mail is paused");
  }
  context.out.list("destinations",
                   {{"destination", "DESTINATION"},
                    {"state", "STATE"},
                    {"waiting", "WAITING"},
                    {"in_hand", "IN HAND"},
                    {"limit", "AT MOST"},
                    {"next_probe", "NEXT PROBE"},
                    {"why", "WHY"}},
                   rows);
  return Exit::done;
}

Outcome pause(Context& context, const std::string& what, bool paused) {
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  QueuePause question;
  question.paused = paused;
  question.scope = what == "inbound"    ? QueuePause::Scope::inbound
                   : what == "outbound" ? QueuePause::Scope::outbound
                                        : QueuePause::Scope::destination;
  if (question.scope == QueuePause::Scope::destination) question.destination = what;
  if (context.dry_run) {
    context.out.did(context.verb(paused ? "paused" : "resumed"), "delivery", what);
    return Exit::would_change;
  }
  const auto done = (*client)->pause(question);
  if (!done) {
    if (!paused && done.error().exit == Exit::not_found)
      return fail(Exit::not_found, "not_paused", "it is not paused", what,
                  "toastctl queue destinations shows what is");
    return tl::unexpected(done.error());
  }
  context.out.did(paused ? "paused" : "resumed", "delivery", what);
  return Exit::done;
}

}  // namespace

void add_queue_operator(CLI::App& noun, Context& context) {
  for (const Command& command : kCommands) add_command(noun, context, command);

  auto name = std::make_shared<std::string>();
  CLI::App* flushing =
      noun.add_subcommand("flush", "Try everything for one domain or destination now");
  flushing->add_option("NAME", *name, "A domain, or a destination as `queue destinations` shows it")
      ->required();
  flushing->footer("Example:\n  toastctl queue flush example.org");
  flushing->callback(
      [&context, name] { context.action = [&context, name] { return flush(context, *name); }; });

  auto options = std::make_shared<TopOptions>();
  CLI::App* most = noun.add_subcommand("top", "What the queue is full of");
  most->add_option("--by", options->by, "Count by this")
      ->check(CLI::IsMember({"sender", "domain", "reason", "login"}))
      ->capture_default_str();
  most->add_option("--limit", options->limit, "At most so many rows")
      ->check(CLI::Range(1U, queue::kMaxTopRows))
      ->capture_default_str();
  most->footer("Example:\n  toastctl queue top --by reason");
  most->callback([&context, options] {
    context.action = [&context, options] { return top(context, *options); };
  });

  CLI::App* where = noun.add_subcommand(
      "destinations", "Other hosts that mail waits for, and which of them cannot be reached");
  where->callback([&context] { context.action = [&context] { return destinations(context); }; });
}

void add_pause(CLI::App& app, Context& context) {
  for (const bool paused : {true, false}) {
    auto what = std::make_shared<std::string>();
    CLI::App* verb =
        app.add_subcommand(paused ? "pause" : "resume",
                           paused ? "Stop taking mail, sending it, or sending it to one destination"
                                  : "Go on with what was paused");
    verb->add_option("WHAT", *what, "inbound, outbound, or a domain or destination")->required();
    verb->footer(paused ? "Example:\n  toastctl pause example.org\n  toastctl pause outbound"
                        : "Example:\n  toastctl resume outbound");
    verb->callback([&context, what, paused] {
      context.action = [&context, what, paused] { return pause(context, *what, paused); };
    });
  }
}

}  // namespace toast::admin
