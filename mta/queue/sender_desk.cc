#include "mta/queue/sender_desk.h"

#include <unordered_set>

namespace toast::queue {
namespace {

// Messages looked at, or changed, before others have a turn.
constexpr std::size_t kSenderSlice = 5000;

StopRow row_of(const std::string& login, Stop stop, const StoppedSenders::Entry& entry) {
  return {login, stop, unix_seconds(entry.since), entry.reason};
}

}  // namespace

void SenderDesk::serve(ipc::Dispatcher& dispatcher) {
  dispatcher.on<StopSender>([this](StopSender question) { return stop(std::move(question)); });
  dispatcher.on<ShowSender>([this](ShowSender question) { return show(std::move(question)); });
  dispatcher.on<ListStopped>([this](ListStopped question) { return list(std::move(question)); });
}

Result<void> SenderDesk::put_in_force(StoppedSenders next) {
  if (Result<void> saved = next.save(); !saved) {
    // What a restart finds is to be what is in force, as far as this disk allows.
    (void)services_.stopped.save();
    return pass(saved, "nothing was changed, for it could not be written down");
  }
  services_.stopped = std::move(next);
  return {};
}

bool SenderDesk::suspend(const std::string& login, const std::string& why) {
  StoppedSenders next = services_.stopped;
  if (next.all().size() >= kMaxStopped) return false;
  if (!next.add(login, Stop::suspended, {services_.clock.wall(), why})) return false;
  // On a disk that cannot be written it holds until the end of the process.
  StoppedSenders unsaved = next;
  if (Result<void> done = put_in_force(std::move(next)); !done) {
    services_.log.error("queue.sender.unwritten",
                        {{"login", login}, {"reason", done.error().detail}});
    services_.stopped = std::move(unsaved);
  }
  services_.log.warning("queue.sender.suspended", {{"login", login}, {"reason", why}});
  spawn(services_.loop, hold_in_background(login));
  return true;
}

Task<> SenderDesk::hold_in_background(std::string login) {
  (void)co_await hold_waiting(std::move(login), false);
}

Task<Result<StopSender::Reply>> SenderDesk::stop(StopSender question) {
  StoppedSenders next = services_.stopped;
  if (question.stopped && next.all().size() >= kMaxStopped)
    co_return permanent("there are " + std::to_string(kMaxStopped) + " stopped logins already");
  StopSender::Reply reply;
  reply.changed = question.stopped ? next.add(question.login, question.stop,
                                              {services_.clock.wall(), question.reason})
                                   : next.remove(question.login, question.stop);
  const bool may_send = !next.is_stopped(question.login);
  if (reply.changed && !question.dry_run) {
    Result<void> done = put_in_force(std::move(next));
    if (!done) co_return pass(done);
    if (question.stop == Stop::suspended && !question.stopped)
      services_.limits.forgive(question.login);
    const std::string_view event =
        question.stopped ? "queue.sender.stopped" : "queue.sender.restored";
    services_.log.warning(event, {{"login", question.login},
                                  {"kind", stop_name(question.stop)},
                                  {"reason", question.reason}});
  }
  std::string login = question.login;
  // Also where nothing changed: what came between is to be held, too.
  if (question.stopped)
    reply.messages = co_await hold_waiting(std::move(login), question.dry_run);
  else if (may_send)
    reply.messages = co_await release_held(std::move(login), question.dry_run);
  co_return reply;
}

Task<std::vector<MessageId>> SenderDesk::messages_of(std::string login, bool held) {
  std::vector<MessageId> found;
  const std::string ours = hold_reason(login);
  const MessageTable& messages = services_.ledger.messages();
  MessageId after;
  for (bool more = true; more;) {
    auto at = messages.upper_bound(after);
    for (std::size_t n = 0; n < kSenderSlice && at != messages.end(); ++n, ++at) {
      after = at->first;
      const QueuedMessage& message = *at->second;
      if (message.open == 0 || message.envelope.authenticated() != login) continue;
      if (held ? message.hold == ours : !message.hold) found.push_back(after);
    }
    more = at != messages.end();
    if (more) co_await asio::post(services_.loop, asio::use_awaitable);
  }
  co_return found;
}

Task<std::uint64_t> SenderDesk::hold_waiting(std::string login, bool dry_run) {
  std::string of = login;
  const std::vector<MessageId> ids = co_await messages_of(std::move(of), false);
  if (dry_run || ids.empty()) co_return ids.size();
  const std::unordered_set<MessageId> chosen(ids.begin(), ids.end());
  services_.ledger.set_aside([&chosen](MessageId id) { return chosen.contains(id); });
  const std::string reason = hold_reason(login);
  std::size_t done = 0;
  for (const MessageId id : ids) {
    services_.ledger.hold(id, reason);
    if (++done % kSenderSlice == 0) co_await services_.ledger.written();
  }
  co_await services_.ledger.written();
  services_.ledger.look_again();
  co_return ids.size();
}

Task<std::uint64_t> SenderDesk::release_held(std::string login, bool dry_run) {
  const std::vector<MessageId> ids = co_await messages_of(std::move(login), true);
  if (dry_run) co_return ids.size();
  std::size_t done = 0;
  for (const MessageId id : ids) {
    services_.ledger.release(id);
    if (++done % kSenderSlice == 0) co_await services_.ledger.written();
  }
  co_await services_.ledger.written();
  services_.ledger.look_again();
  co_return ids.size();
}

Task<Result<ShowSender::Reply>> SenderDesk::show(ShowSender question) {
  ShowSender::Reply reply = services_.limits.state_of(question.login);
  if (const StoppedSenders::Stops* stops = services_.stopped.find(question.login))
    for (const auto& [stop, entry] : *stops)
      reply.stops.push_back(row_of(question.login, stop, entry));
  co_return reply;
}

Task<Result<ListStopped::Reply>> SenderDesk::list(ListStopped question) {
  ListStopped::Reply reply;
  const auto& all = services_.stopped.all();
  for (auto at = all.upper_bound(question.after); at != all.end(); ++at) {
    reply.more = reply.rows.size() + at->second.size() > ListStopped::kMaxRows;
    if (reply.more) break;
    for (const auto& [stop, entry] : at->second)
      reply.rows.push_back(row_of(at->first, stop, entry));
  }
  co_return reply;
}

}  // namespace toast::queue
