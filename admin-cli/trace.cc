// toastctl trace: where is my mail? From arrival to outcome, also after it has left the queue.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "admin-cli/arguments.h"
#include "admin-cli/context.h"
#include "admin-cli/queue_client.h"
#include "admin-cli/trace_view.h"

namespace toast::admin {
namespace {

using queue::trace::Event;
using queue::trace::Kind;

struct TraceOptions {
  std::string what;
  std::string since;
  std::uint32_t limit = 100;
};

Wanted<queue::TraceQuery> query_from(const TraceOptions& options, const Clock& clock) {
  queue::TraceQuery request;
  if (options.what.empty() || options.what.size() > queue::kMaxTraceQuery)
    return fail(Exit::invalid, "bad_trace", "not an address, a Message-ID or a queue id",
                options.what);
  const Result<MessageId> id = MessageId::parse(options.what);
  if (id)
    request.query.id = *id;
  else
    request.query.text = options.what;
  request.query.messages = options.limit;
  if (options.since.empty()) return request;
  const auto age = parse_age(options.since, "--since");
  if (!age) return tl::unexpected(age.error());
  request.query.since = std::max(clock.wall() - *age, WallTime{});
  return request;
}

// One message: its events, and what the queue says of it now.
struct Story {
  std::vector<Event> events;
  std::optional<queue::QueueShow::Reply> queued;

  const Event* arrival() const {
    const Event& first = events.front();
    return first.kind == Kind::accepted || first.kind == Kind::created ? &first : nullptr;
  }
};

using Stories = std::map<MessageId, Story>;

// A message whose end is not known is looked for in the queue.
Outcome ask_queue(QueueClient& client, Stories& stories) {
  for (auto& [id, story] : stories) {
    if (story.events.back().kind == Kind::finished) continue;
    auto reply = client.show({.id = id, .first_recipient = 0});
    if (reply)
      story.queued = std::move(*reply);
    else if (reply.error().exit != Exit::not_found)
      return tl::unexpected(reply.error());
  }
  return Exit::done;
}

std::string_view state_of(const Story& story) {
  if (story.queued) return story.queued->summary.hold.empty() ? "queued" : "held";
  return "gone";
}

Value next_attempt(const queue::RecipientDetail& recipient) {
  if (recipient.next_attempt_seconds == 0) return {};
  return iso_time(recipient.next_attempt_seconds);
}

std::vector<Value> waiting_recipients(const Story& story) {
  std::vector<Value> waiting;
  if (!story.queued) return waiting;
  for (const queue::RecipientDetail& r : story.queued->recipients) {
    if (r.state == queue::RecipientPhase::delivered || r.state == queue::RecipientPhase::failed)
      continue;
    waiting.emplace_back(Record{{"address", r.recipient.str()},
                                {"state", phase_name(r.state)},
                                {"attempts", r.attempts},
                                {"next_attempt", next_attempt(r)}});
  }
  return waiting;
}

Record to_record(MessageId id, const Story& story) {
  Record record{{"id", id.str()}, {"state", state_of(story)}};
  const MessageId parent = story.events.front().parent;
  record.add("parent", parent.value() == 0 ? Value() : Value(parent.str()));
  if (const Event* arrival = story.arrival()) {
    record.add("arrived", iso_time(arrival->time))
        .add("origin", arrival->text)
        .add("sender", arrival->sender)
        .add("recipients", arrival->recipient_count)
        .add("named_recipients",
             std::vector<Value>(arrival->recipients.begin(), arrival->recipients.end()))
        .add("size_bytes", arrival->bytes)
        .add("message_id", optional_text(arrival->message_id))
        .add("peer", optional_text(arrival->peer))
        .add("login", optional_text(arrival->login));
  }
  return record.add("events", to_values(story.events)).add("waiting", waiting_recipients(story));
}

std::string headline(MessageId id, const Story& story) {
  std::string line = id.str();
  const Event* arrival = story.arrival();
  if (arrival == nullptr) return line;
  line += fmt::format("  from <{}> to ", arrival->sender);
  line += arrival->recipients.empty() ? "?" : arrival->recipients.front();
  if (arrival->recipient_count > 1)
    line += fmt::format(" and {} more", arrival->recipient_count - 1);
  line += ", " + size_text(arrival->bytes);
  if (!arrival->message_id.empty()) line += ", Message-ID <" + arrival->message_id + ">";
  return line;
}

void print(Output& out, MessageId id, const Story& story) {
  out.line(printable(headline(id, story)));
  for (const Event& event : story.events) out.line("  " + line_of(event));
  if (!story.queued) return;
  const queue::QueueShow::Reply& queued = *story.queued;
  if (!queued.summary.hold.empty())
    return out.line("  now: held until it is released: " + printable(queued.summary.hold));
  for (const queue::RecipientDetail& r : queued.recipients) {
    std::string line = fmt::format("  now: {} {}", r.recipient.str(), phase_name(r.state));
    if (r.state == queue::RecipientPhase::delivered || r.state == queue::RecipientPhase::failed)
      continue;
    if (r.next_attempt_seconds != 0)
      line += fmt::format(", attempt {} at {}", r.attempts + 1, iso_time(r.next_attempt_seconds));
    // Said above already, unless it was its destination that failed and not an attempt of its own.
    const bool is_known =
        r.last_text.empty() || std::ranges::any_of(story.events, [&](const Event& event) {
          return event.text == r.last_text;
        });
    if (!is_known) line += ": " + r.last_text;
    out.line(printable(line));
  }
}

Outcome nothing_known(const TraceOptions& options, const queue::TraceQuery::Reply& reply) {
  std::string hint = "the store is empty: no mail has come since it was begun";
  if (reply.capacity_bytes == 0)
    hint = "this server keeps no events; toastctl config set tracebytes 256M";
  else if (reply.answer.oldest)
    hint = "the store reaches back to " + iso_time(*reply.answer.oldest) +
           "; what was refused at RCPT or after its data is only in the log";
  return fail(Exit::not_found, "no_trace", "nothing is known of " + options.what, options.what,
              hint);
}

Outcome trace_mail(Context& context, const TraceOptions& options) {
  const Wanted<queue::TraceQuery> request = query_from(options, context.clock);
  if (!request) return tl::unexpected(request.error());
  const Wanted<Instance> instance = context.instance();
  if (!instance) return tl::unexpected(instance.error());
  const auto client = QueueClient::connect(*instance);
  if (!client) return tl::unexpected(client.error());
  auto reply = (*client)->trace(*request);
  if (!reply) return tl::unexpected(reply.error());
  Stories stories;
  for (Event& event : reply->answer.events) {
    const MessageId id = event.id;
    stories[id].events.push_back(std::move(event));
  }
  if (stories.empty()) return nothing_known(options, *reply);
  Outcome asked = ask_queue(**client, stories);
  if (!asked) return asked;
  if (context.json) {
    std::vector<Value> messages;
    for (const auto& [id, story] : stories) messages.emplace_back(to_record(id, story));
    const auto& oldest = reply->answer.oldest;
    context.out.show(Record{{"messages", std::move(messages)},
                            {"complete", !reply->answer.cut},
                            {"oldest_event", oldest ? Value(iso_time(*oldest)) : Value()}});
    return Exit::done;
  }
  for (const auto& [id, story] : stories) print(context.out, id, story);
  if (reply->answer.cut)
    context.out.warn("there is more: these are the newest; narrow it with --since, or name one id");
  return Exit::done;
}

}  // namespace

void add_trace(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("trace", "Say where mail is, or what became of it");
  auto options = std::make_shared<TraceOptions>();
  command
      ->add_option("MAIL", options->what,
                   "An address it came from or went to, its Message-ID, or its queue id")
      ->required();
  command->add_option("--since", options->since, "Only what happened in this time: 2d, 12h")
      ->type_name("TIME");
  command->add_option("--limit", options->limit, "At most so many messages, the newest")
      ->type_name("N")
      ->check(CLI::Range(1U, queue::trace::kMaxMessages));
  command->footer(
      "Examples:\n  toastctl trace ann@example.org --since 2d\n"
      "  toastctl trace '<20261123.42@client.example>'\n  toastctl trace 06cng36eloo80");
  command->callback([&context, options] {
    context.action = [&context, options] { return trace_mail(context, *options); };
  });
}

}  // namespace toast::admin
