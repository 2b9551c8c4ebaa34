#include "mta/queue/remote_deliverer.h"

#include "mta/queue/report.h"

namespace toast::queue {
namespace {

using Reply = remote::DeliverRemote::Reply;
using HopOutcome = remote::DeliverRemote::Outcome;

StepResult result_of(const HopOutcome& outcome, const std::string& remote) {
  using Fared = StepResult::Kind;
  StepResult result;
  result.kind = outcome.kind == HopOutcome::Kind::delivered ? Fared::delivered
                : outcome.kind == HopOutcome::Kind::failed  ? Fared::failed
                                                            : Fared::deferred;
  result.text = outcome.text;
  result.detail = remote;
  result.passed_dsn = outcome.passed_dsn;
  return result;
}

}  // namespace

// While it is paused, or remoted is away, no time is set for a probe: it could not begin.
void RemoteDeliverer::pump() {
  if (stopped_ || paused_) return;
  if (is_away()) {
    if (services_.ledger.destinations().waiting() > 0) alarm_.within(kRemotePoll);
    return;
  }
  while (std::optional<RemoteWork> work = services_.ledger.next_remote())
    spawn(services_.loop, deliver(std::move(*work)));
  if (const std::optional<Moment> due = services_.ledger.next_remote_due())
    alarm_.at(*due, services_.clock);
}

Task<> RemoteDeliverer::deliver(RemoteWork work) {
  const Moment started = services_.ledger.now();
  Result<Ended> ended = co_await attempt(work);
  if (ended)
    finish(work, started, std::move(*ended));
  else
    services_.ledger.give_back(work, started, ended.error().detail);
  pump();
}

RemoteDeliverer::Ended RemoteDeliverer::deferred(const RemoteWork& work, const std::string& text) {
  Ended ended;
  ended.reply.outcomes.assign(work.works.size(),
                              HopOutcome{HopOutcome::Kind::deferred, text, false});
  return ended;
}

Task<Result<RemoteDeliverer::Ended>> RemoteDeliverer::attempt(const RemoteWork& work) {
  if (work.given_up) co_return deferred(work, work.why);
  Result<StoredBody> body = co_await services_.ledger.read_body(work.message);
  if (!body) {
    services_.log.error("queue.body.unreadable",
                        {{"id", work.message.str()}, {"reason", body.error().detail}});
    co_return deferred(work, "4.3.0 the message cannot be read back at present");
  }
  Result<remote::DeliverRemote> request = request_for(work, std::move(*body));
  if (!request) co_return deferred(work, request.error().reply);
  std::shared_ptr<ipc::Channel> channel = services_.remote.channel();
  if (!channel) co_return transient("toast-remoted is not running");
  Result<Reply> reply = co_await channel->call(std::move(*request), kRemoteTimeout);
  if (!reply && !channel->is_open()) co_return pass(reply);
  if (!reply) co_return deferred(work, "4.3.0 " + reply.error().detail);
  if (reply->outcomes.size() != work.works.size())
    co_return deferred(work, "4.3.0 the remote delivery process gave a wrong number of results");
  const Contact contact = reply->reached ? Contact::reached : Contact::unreachable;
  co_return Ended{std::move(*reply), contact};
}

Result<remote::DeliverRemote> RemoteDeliverer::request_for(const RemoteWork& work,
                                                           StoredBody body) const {
  const std::shared_ptr<QueuedMessage> message = services_.ledger.find(work.message);
  const PackedEnvelope& envelope = message->envelope;
  remote::DeliverRemote request;
  request.message = work.message;
  Result<NextHop> hop = NextHop::parse(work.next_hop);
  if (!hop) return pass(hop);
  request.next_hop = std::move(*hop);
  request.reverse_path = wire_reverse_path(envelope);
  request.verp = envelope.verp();
  for (const Work& one : work.works) {
    const RecipientView recipient = message->recipient(one.recipient);
    Result<Address> address = Address::parse(recipient.address);
    if (!address) return pass(address);
    request.recipients.push_back(
        {std::move(*address), recipient.notify, std::string(recipient.orcpt)});
  }
  request.eight_bit_mime = envelope.eight_bit_mime();
  request.smtputf8 = envelope.smtputf8();
  request.ret = envelope.ret();
  request.envid = envelope.envid();
  request.body_bytes = body.prefix.size() + (body.blob ? body.blob_bytes : body.bytes.size());
  request.body = std::move(body.prefix) + body.bytes;  // in front of the blob, if there is one
  request.descriptor = std::move(body.blob);
  return request;
}

void RemoteDeliverer::finish(const RemoteWork& work, Moment started, Ended ended) {
  const Reply& reply = ended.reply;
  for (std::size_t i = 0; i < work.works.size(); ++i) {
    Attempt attempt;
    attempt.steps.push_back(result_of(reply.outcomes[i], reply.remote));
    services_.ledger.record(work.works[i], started, std::move(attempt));
  }
  services_.ledger.batch_over(work, ended.contact, reply.outcomes.front().text);
}

}  // namespace toast::queue
