#include "mta/queue/operator_desk.h"

#include <algorithm>
#include <map>

namespace toast::queue {
namespace {

using Verb = QueueAct::Action;

// Everybody else first.
Task<> step_aside(asio::any_io_executor loop) { co_await asio::post(loop, asio::use_awaitable); }

std::string key_of(QueueTop::By by, const QueuedMessage& message, std::uint32_t index) {
  switch (by) {
    case QueueTop::By::sender: {
      std::string sender = wire_reverse_path(message.envelope);
      return sender.empty() ? "<>" : sender;
    }
    case QueueTop::By::login: {
      const std::string_view login = message.envelope.authenticated();
      return std::string(login.empty() ? "-" : login);
    }
    case QueueTop::By::domain: {
      const std::string_view address = message.recipient(index).address;
      return std::string(address.substr(std::min(address.rfind('@') + 1, address.size())));
    }
    case QueueTop::By::reason: {
      const QueuedRecipient& r = message.recipients[index];
      if (!r.past || r.past->last_text.empty()) return "not tried yet";
      return r.past->last_text.substr(0, r.past->last_text.find('\n'));
    }
  }
  return {};
}

}  // namespace

OperatorDesk::OperatorDesk(Services services, const Options& options)
    : services_(services), routes_(options.routes) {}

void OperatorDesk::serve(ipc::Dispatcher& dispatcher) {
  dispatcher.on<QueueAct>([this](QueueAct question) { return act(std::move(question)); });
  dispatcher.on<QueuePause>([this](QueuePause question) { return pause(std::move(question)); });
  dispatcher.on<QueueTop>([this](QueueTop question) { return top(question); });
  dispatcher.on<QueueDestinations>(
      [this](QueueDestinations question) { return destinations(std::move(question)); });
}

void OperatorDesk::apply_pauses() {
  services_.intake.set_paused(services_.pauses.inbound);
  services_.remote.set_paused(services_.pauses.outbound);
  for (const std::string& name : services_.pauses.destinations)
    services_.ledger.destinations().pause(name);
}

Task<Result<QueueAct::Reply>> OperatorDesk::act(QueueAct question) {
  if (question.action == Verb::release) question.selection.held_only = true;
  const Selector selector(question.selection, routes_, services_.ledger.now());
  const std::vector<Chosen> chosen = co_await choose(selector);
  QueueAct::Reply reply = co_await count(chosen);
  if (question.dry_run || chosen.empty()) co_return reply;
  if (question.action == Verb::retry)
    retry(selector, chosen);
  else
    co_await carry_out(question, chosen);
  co_await services_.ledger.written();
  services_.ledger.look_again();
  co_return reply;
}

Task<std::vector<OperatorDesk::Chosen>> OperatorDesk::choose(const Selector& selector) {
  std::vector<Chosen> chosen;
  const MessageTable& messages = services_.ledger.messages();
  MessageId after;
  for (bool more = true; more;) {
    auto at = messages.upper_bound(after);
    for (std::size_t n = 0; n < kOperatorSlice && at != messages.end(); ++n, ++at) {
      after = at->first;
      std::vector<std::uint32_t> recipients = selector.choose(*at->second);
      if (!recipients.empty()) chosen.push_back({at->first, std::move(recipients)});
    }
    more = at != messages.end();
    if (more) co_await step_aside(services_.loop);
  }
  co_return chosen;
}

Task<QueueAct::Reply> OperatorDesk::count(const std::vector<Chosen>& chosen) const {
  QueueAct::Reply reply;
  reply.messages = chosen.size();
  for (const Chosen& one : chosen) {
    reply.recipients += one.recipients.size();
    const std::shared_ptr<QueuedMessage> message = services_.ledger.find(one.id);
    if (!message) continue;
    reply.in_hand +=
        static_cast<std::uint64_t>(std::ranges::count_if(one.recipients, [&](std::uint32_t index) {
          return message->recipients[index].phase == RecipientPhase::in_hand;
        }));
  }
  co_return reply;
}

void OperatorDesk::retry(const Selector& selector, const std::vector<Chosen>& chosen) {
  services_.ledger.retry([&](const QueuedMessage& message, std::uint32_t recipient) {
    return selector.message_matches(message) && selector.recipient_matches(message, recipient);
  });
  std::set<std::string> hops;
  for (const Chosen& one : chosen) {
    const std::shared_ptr<QueuedMessage> message = services_.ledger.find(one.id);
    if (!message) continue;
    for (const std::uint32_t index : one.recipients) {
      Result<Address> address = Address::parse(message->recipient(index).address);
      if (address) hops.insert(routes_.next_hop(address->domain()).str());
    }
  }
  for (const std::string& hop : hops)
    services_.ledger.destinations().flush(hop, services_.ledger.now());
}

Task<> OperatorDesk::carry_out(const QueueAct& question, const std::vector<Chosen>& chosen) {
  std::unordered_set<MessageId> ids;
  for (const Chosen& one : chosen) ids.insert(one.id);
  if (question.action != Verb::release)
    services_.ledger.set_aside([&](MessageId id) { return ids.contains(id); });
  const GiveUp manner = question.action == Verb::remove ? GiveUp::remove : GiveUp::bounce;
  std::size_t done = 0;
  for (const Chosen& one : chosen) {
    if (question.action == Verb::hold)
      services_.ledger.hold(one.id, question.reason);
    else if (question.action == Verb::release)
      services_.ledger.release(one.id);
    else
      services_.ledger.give_up(one.id, one.recipients, manner, question.reason);
    if (++done % kOperatorSlice != 0 && services_.ledger.unwritten() < kOperatorBacklog) continue;
    co_await services_.ledger.written();
  }
  services_.log.info(
      "queue.operator.acted",
      {{"action", static_cast<std::uint64_t>(question.action)}, {"messages", chosen.size()}});
}

Task<Result<ipc::Done>> OperatorDesk::pause(QueuePause question) {
  Pauses next = services_.pauses;
  bool known = true;
  switch (question.scope) {
    case QueuePause::Scope::inbound:
      known = std::exchange(next.inbound, question.paused);
      break;
    case QueuePause::Scope::outbound:
      known = std::exchange(next.outbound, question.paused);
      break;
    case QueuePause::Scope::destination: {
      Result<NextHop> hop = NextHop::parse(question.destination);
      if (!hop) co_return permanent(hop.error().detail);
      if (question.paused && next.destinations.size() >= kMaxPausedDestinations)
        co_return permanent("too many destinations are paused");
      known = question.paused ? (next.destinations.insert(hop->str()), true)
                              : next.destinations.erase(hop->str()) > 0;
      break;
    }
  }
  if (!question.paused && !known) co_return permanent("it was not paused");
  if (Result<void> saved = next.save(); !saved) {
    // What a restart finds is to be what is in force, as far as this disk allows.
    (void)services_.pauses.save();
    co_return pass(saved, "nothing was changed, for it could not be written down");
  }
  for (const std::string& name : services_.pauses.destinations)
    if (!next.destinations.contains(name)) services_.ledger.destinations().resume(name);
  services_.pauses = std::move(next);
  apply_pauses();
  const std::initializer_list<Field> fields = {
      {"inbound", services_.pauses.inbound ? "yes" : "no"},
      {"outbound", services_.pauses.outbound ? "yes" : "no"},
      {"destinations", services_.pauses.destinations.size()}};
  if (question.paused)
    services_.log.warning("queue.operator.paused", fields);
  else
    services_.log.info("queue.operator.resumed", fields);
  services_.ledger.look_again();
  co_return ipc::Done{};
}

Task<Result<QueueTop::Reply>> OperatorDesk::top(QueueTop question) {
  std::map<std::string, QueueTop::Row> rows;
  const MessageTable& messages = services_.ledger.messages();
  MessageId after;
  for (bool more = true; more;) {
    auto at = messages.upper_bound(after);
    for (std::size_t n = 0; n < kOperatorSlice && at != messages.end(); ++n, ++at) {
      after = at->first;
      const QueuedMessage& message = *at->second;
      std::set<QueueTop::Row*> seen;
      for (std::uint32_t i = 0; i < message.recipients.size(); ++i) {
        if (!message.recipients[i].is_open()) continue;
        std::string key = key_of(question.by, message, i).substr(0, kMaxOperatorText);
        if (rows.size() >= kMaxTopKeys && !rows.contains(key)) key = "others";
        QueueTop::Row& row = rows[key];
        ++row.recipients;
        if (message.recipients[i].phase == RecipientPhase::deferred) ++row.deferred;
        if (row.oldest_seconds == 0) row.oldest_seconds = unix_seconds(message.arrival);
        if (seen.insert(&row).second) ++row.messages;
      }
    }
    more = at != messages.end();
    if (more) co_await step_aside(services_.loop);
  }
  QueueTop::Reply reply;
  for (auto& [key, row] : rows) {
    row.key = key;
    reply.rows.push_back(std::move(row));
  }
  std::ranges::stable_sort(reply.rows, std::greater<>(), &QueueTop::Row::recipients);
  if (reply.rows.size() > question.limit) reply.rows.resize(question.limit);
  co_return reply;
}

Task<Result<QueueDestinations::Reply>> OperatorDesk::destinations(QueueDestinations question) {
  std::vector<Destinations::State> states = services_.ledger.destinations().states();
  for (const std::string& name : services_.pauses.destinations)
    if (std::ranges::find(states, name, &Destinations::State::name) == states.end())
      states.push_back({name, 0, 0, 0, false, true, Moment{}, {}});
  std::ranges::sort(states, {}, &Destinations::State::name);
  QueueDestinations::Reply reply;
  reply.inbound_paused = services_.pauses.inbound;
  reply.outbound_paused = services_.pauses.outbound;
  for (const Destinations::State& state : states) {
    if (state.name <= question.after) continue;
    if (reply.rows.size() == kMaxDestinationRows) {
      reply.more = true;
      break;
    }
    const std::int64_t probe = state.down ? state.probe_at.time_since_epoch().count() : 0;
    reply.rows.push_back({state.name, state.waiting, state.in_hand, state.limit, state.down,
                          state.paused, probe, state.why.substr(0, kMaxOperatorText)});
  }
  co_return reply;
}

}  // namespace toast::queue
