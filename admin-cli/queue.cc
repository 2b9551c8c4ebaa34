// toastctl queue list and show: what waits, since when, and why.
#include "admin-cli/arguments.h"
#include "admin-cli/context.h"
#include "admin-cli/queue_client.h"
#include "admin-cli/queue_commands.h"
#include "admin-cli/queue_selection.h"
#include "admin-cli/trace_view.h"

namespace toast::admin {
namespace {

struct QueueOptions {
  QueueSelection selection;
  std::string id;
  std::uint64_t limit = 0;  // 0: all
};

Value optional_time(std::int64_t unix_seconds) {
  return unix_seconds == 0 ? Value() : Value(iso_time(unix_seconds));
}

Record to_record(const queue::MessageSummary& m) {
  std::vector<Value> open;
  open.reserve(m.open_recipients.size());
  for (const Address& recipient : m.open_recipients) open.emplace_back(recipient.str());
  return Record{{"id", m.id.str()},
                {"arrived", iso_time(m.arrival_seconds)},
                {"size_bytes", m.size_bytes},
                {"sender", m.reverse_path ? m.reverse_path->str() : std::string()},
                {"recipients", m.recipients},
                {"waiting", m.waiting},
                {"deferred", m.deferred},
                {"delivered", m.delivered},
                {"failed", m.failed},
                {"attempts", m.attempts},
                {"next_attempt", optional_time(m.next_attempt_seconds)},
                {"open_recipients", std::move(open)},
                {"held", optional_text(m.hold)},
                {"last_error", optional_text(m.last_error)}};
}

// What the event store knows of a message. That it cannot be asked is no reason to show nothing.
std::vector<queue::trace::Event> history_of(QueueClient& client, MessageId id) {
  queue::TraceQuery request;
  request.query.id = id;
  auto reply = client.trace(std::move(request));
  if (!reply) return {};
  std::erase_if(reply->answer.events, [id](const auto& event) { return event.id != id; });
  return std::move(reply->answer.events);
}

Record to_record(const queue::RecipientDetail& r) {
  const std::vector<Value> targets(r.targets.begin(), r.targets.end());
  return Record{{"address", r.recipient.str()},
                {"state", phase_name(r.state)},
                {"attempts", r.attempts},
                {"last_attempt", optional_time(r.last_attempt_seconds)},
                {"next_attempt", optional_time(r.next_attempt_seconds)},
                {"last_text", optional_text(r.last_text)},
                {"targets", targets}};
}

Outcome list_queue(Context& context, const QueueOptions& options) {
  const Wanted<queue::Selection> selection = options.selection.selection();
  if (!selection) return tl::unexpected(selection.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  std::vector<Record> rows;
  MessageId after;
  for (bool more = true; more;) {
    queue::QueueList request;
    request.after = after;
    request.selection = *selection;
    if (options.limit != 0)
      request.limit = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(queue::kMaxListed, options.limit - rows.size()));
    const auto page = (*client)->list(request);
    if (!page) return tl::unexpected(page.error());
    for (const queue::MessageSummary& message : page->messages) {
      Record row = to_record(message);
      if (!context.json) {
        row.add("size", size_text(message.size_bytes));
        row.add("from", message.reverse_path ? message.reverse_path->str() : std::string("<>"));
        row.add("why", message.hold.empty() ? optional_text(message.last_error)
                                            : Value("held: " + message.hold));
      }
      rows.push_back(std::move(row));
    }
    after = page->next;
    more = page->more && (options.limit == 0 || rows.size() < options.limit);
  }
  context.out.list("messages",
                   {{"id", "ID"},
                    {"arrived", "ARRIVED"},
                    {"size", "SIZE"},
                    {"from", "FROM"},
                    {"open_recipients", "STILL TO"},
                    {"next_attempt", "NEXT ATTEMPT"},
                    {"why", "WHY"}},
                   rows);
  return Exit::done;
}

Outcome show_message(Context& context, const QueueOptions& options) {
  const Result<MessageId> id = MessageId::parse(options.id);
  if (!id)
    return fail(Exit::invalid, "bad_queue_id", "not a queue id", options.id,
                "toastctl queue list shows the ids; they have 13 characters");
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  std::vector<Value> recipients;
  std::vector<std::string> lines;
  const RecipientHistories histories(history_of(**client, *id));
  Record record;
  for (std::uint32_t from = 0;;) {
    auto reply = (*client)->show({.id = *id, .first_recipient = from});
    if (!reply) {
      if (reply.error().exit == Exit::not_found)
        return fail(Exit::not_found, "message_not_found",
                    "no message " + options.id + " in the queue: delivered, or never here",
                    options.id, "toastctl trace " + options.id + " says what became of it");
      return tl::unexpected(reply.error());
    }
    if (from == 0) {
      record = to_record(reply->summary);
      record.add("expires", optional_time(reply->expires_seconds))
          .add("peer", optional_text(reply->peer))
          .add("helo", optional_text(reply->helo))
          .add("authenticated", optional_text(reply->authenticated))
          .add("parent", reply->parent.value() == 0 ? Value() : Value(reply->parent.str()));
    }
    for (const queue::RecipientDetail& r : reply->recipients) {
      const std::vector<queue::trace::Event> history = histories.of(r.recipient.str());
      Record detail = to_record(r);
      lines.push_back("  " + printable(Value(detail).text()));
      for (const queue::trace::Event& event : history) lines.push_back("    " + line_of(event));
      recipients.emplace_back(detail.add("history", to_values(history)));
    }
    from += static_cast<std::uint32_t>(reply->recipients.size());
    if (reply->recipients.empty() || from >= reply->summary.recipients) break;
  }
  if (context.json) {
    context.out.show(record.add("recipient_details", std::move(recipients)));
    return Exit::done;
  }
  context.out.show(record);
  for (const std::string& line : lines) context.out.line(line);
  return Exit::done;
}

}  // namespace

void add_queue(CLI::App& app, Context& context) {
  CLI::App* noun = app.add_subcommand("queue", "Messages on their way");
  noun->require_subcommand(1);
  auto options = std::make_shared<QueueOptions>();
  CLI::App* list = noun->add_subcommand("list", "List messages, oldest first");
  list->add_option("--limit", options->limit, "At most so many")->type_name("N");
  options->selection.add_options(*list, false);
  list->footer(
      "Examples:\n  toastctl queue list --to '*@example.org' --older 4h\n"
      "  toastctl queue list --json");
  list->callback([&context, options] {
    context.action = [&context, options] { return list_queue(context, *options); };
  });
  CLI::App* show = noun->add_subcommand("show", "Show a message and each of its recipients");
  show->add_option("ID", options->id)->required();
  show->callback([&context, options] {
    context.action = [&context, options] { return show_message(context, *options); };
  });
  add_queue_operator(*noun, context);
  add_queue_evacuate(*noun, context);
}

}  // namespace toast::admin
