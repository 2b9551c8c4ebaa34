#include "mta/queue/deliverer.h"

#include <algorithm>

#include "mta/message/verp.h"
#include "mta/queue/report.h"

namespace toast::queue {
namespace {

using Kind = StepResult::Kind;

StepResult deferred(std::string text, std::string detail = {}) {
  return {kWholeRecipient, Kind::deferred, std::move(text), std::move(detail)};
}
StepResult failed(std::string text, std::string detail = {}) {
  return {kWholeRecipient, Kind::failed, std::move(text), std::move(detail)};
}

StepResult from_error(const Error& error) {
  const Kind kind = error.failure == Failure::permanent ? Kind::failed : Kind::deferred;
  return {kWholeRecipient, kind, error.reply, error.detail};
}

ReversePath delivery_path(const PackedEnvelope& envelope, const Address& recipient) {
  std::string text = wire_reverse_path(envelope);
  if (envelope.verp()) text = expand_verp(text, recipient);
  Result<Address> path = Address::parse(text);
  if (!path) return std::nullopt;  // null, or the sender of double bounces
  return *path;
}

template <class T>
bool is(const vdomain::Instruction& instruction) {
  return std::holds_alternative<T>(instruction);
}

}  // namespace

Deliverer::Deliverer(Services services, const Options& options,
                     std::shared_ptr<AnswerMemory> answers)
    : services_(services),
      answers_(answers ? std::move(answers) : std::make_shared<AnswerMemory>()),
      host_(options.host),
      unknown_grace_(options.unknown_grace),
      routes_(options.routes),
      alarm_(services.loop, [this] { pump(); }) {}

void Deliverer::set_options(const Options& options) {
  host_ = options.host;
  unknown_grace_ = options.unknown_grace;
  routes_ = options.routes;
}

std::string Deliverer::missing_keeper() const {
  for (const ipc::Link* link : {&services_.directory, &services_.mailboxes})
    if (!link->connected()) return link->keeper();
  return {};
}

void Deliverer::pump() {
  if (stopped_) return;
  if (on_turn_) on_turn_();
  if (!missing_keeper().empty()) {
    alarm_.within(kKeeperPoll);
    return;
  }
  while (std::optional<Work> work = services_.ledger.next()) spawn(services_.loop, deliver(*work));
  alarm_.within(kLongestSleep);
  if (const std::optional<Moment> due = services_.ledger.next_due())
    alarm_.at(*due, services_.clock);
}

Task<> Deliverer::deliver(Work work) {
  const Moment started = services_.ledger.now();
  Result<Done> done = co_await carry_out(work, started);
  if (!done) {
    services_.ledger.give_back(work, started, done.error().detail);
  } else if (const auto* next_hop = std::get_if<NextHop>(&*done)) {
    services_.ledger.to_destination(work, *next_hop);
  } else {
    services_.ledger.record(work, started, std::get<Attempt>(std::move(*done)));
  }
  pump();
}

Task<Result<Deliverer::Done>> Deliverer::carry_out(Work work, Moment started) {
  std::shared_ptr<QueuedMessage> message = services_.ledger.find(work.message);
  Attempt attempt;
  Result<Address> recipient = Address::parse(message->recipient(work.recipient).address);
  if (!recipient) {
    attempt.steps.push_back(failed("5.1.3 this is not a mail address"));
    co_return attempt;
  }
  Result<Plan> plan = co_await make_plan(work, *recipient, started);
  if (!plan) co_return pass(plan);
  set_hand_over_apart(*plan);
  if (plan->next_hop && plan->steps.empty()) co_return std::move(*plan->next_hop);
  std::optional<NextHop> next_hop = std::move(plan->next_hop);
  services_.ledger.begin_local(work);
  if (plan->verdict) {
    attempt.steps.push_back(std::move(*plan->verdict));
    co_return attempt;
  }
  Result<Attempt> steps = co_await carry_out(work, std::move(*recipient), std::move(*plan));
  if (!steps) co_return pass(steps);
  const bool waits = std::ranges::any_of(
      steps->steps, [](const StepResult& s) { return s.kind == Kind::deferred; });
  if (!next_hop || (waits && !work.last)) co_return std::move(*steps);
  services_.ledger.record_part(work, started, std::move(*steps));
  co_return std::move(*next_hop);
}

// remoted's answer is the recipient's fate, so it comes last: once nothing else is left.
void Deliverer::set_hand_over_apart(Plan& plan) {
  if (plan.verdict) return;
  const auto found = std::ranges::find_if(
      plan.steps, [](const Step& s) { return is<vdomain::HandOver>(s.instruction); });
  if (found == plan.steps.end()) return;
  plan.next_hop = std::get<vdomain::HandOver>(found->instruction).next_hop;
  plan.steps.erase(found);
}

Task<Result<Attempt>> Deliverer::carry_out(Work work, Address recipient, Plan plan) {
  Attempt attempt;
  std::vector<Address> targets;
  std::vector<std::uint32_t> forwards;
  std::vector<Step> replies;
  for (Step& step : plan.steps) {
    StepResult result;
    if (auto* maildir = std::get_if<vdomain::DeliverMaildir>(&step.instruction)) {
      Result<StepResult> delivered =
          co_await deliver_maildir(work, step.index, std::move(*maildir), recipient);
      if (!delivered) co_return pass(delivered);
      result = std::move(*delivered);
    } else if (auto* target = std::get_if<vdomain::Forward>(&step.instruction)) {
      targets.push_back(std::move(target->target));
      forwards.push_back(step.index);
      continue;
    } else if (is<vdomain::AutoReply>(step.instruction)) {
      replies.push_back(std::move(step));  // when all else is done
      continue;
    } else if (auto* refuse = std::get_if<vdomain::Refuse>(&step.instruction)) {
      result = failed(std::move(refuse->reason));
    } else if (auto* defer = std::get_if<vdomain::Defer>(&step.instruction)) {
      result = deferred(std::move(defer->reason));
    } else if (is<vdomain::HandOver>(step.instruction)) {  // vdomaind never says so
      result = deferred("4.3.0 one recipient cannot be handed over twice");
    } else {
      result.text = "discarded";
      result.detail = std::get<vdomain::Discard>(step.instruction).reason;
    }
    if (plan.frozen) result.instruction = step.index;
    attempt.steps.push_back(std::move(result));
  }
  if (!targets.empty()) {
    Made forwarded = co_await forward(work, std::move(recipient), std::move(targets));
    attempt.child = std::move(forwarded.child);
    if (plan.frozen) {
      for (const std::uint32_t index : forwards) {
        attempt.steps.push_back(forwarded.result);
        attempt.steps.back().instruction = index;
      }
    } else {
      attempt.steps.push_back(std::move(forwarded.result));
    }
  }
  // Of several who are away one is answered for in an attempt: a record makes one answer.
  const std::vector<StepResult> others = attempt.steps;
  for (Step& reply : replies) {
    auto instruction = std::get<vdomain::AutoReply>(std::move(reply.instruction));
    Made made = co_await answer(work, std::move(instruction), others);
    if (made.child && attempt.reply) {
      made.result = deferred("4.3.0 another answer to this message is made first");
    } else if (made.child) {
      attempt.reply = std::move(made.child);
    }
    if (plan.frozen) made.result.instruction = reply.index;
    // In front: what became of the message itself is the last word on it.
    attempt.steps.insert(attempt.steps.begin(), std::move(made.result));
  }
  co_return attempt;
}

Deliverer::Plan Deliverer::frozen_plan(const QueuedRecipient& recipient) const {
  Plan plan;
  plan.frozen = true;
  for (std::uint32_t i = 0; i < recipient.past->steps.size(); ++i) {
    const FrozenStep& step = recipient.past->steps[i];
    if (step.fate != Fate::pending) continue;
    Decoder decoder(step.instruction);
    vdomain::Instruction instruction = vdomain::take_instruction(decoder);
    if (!decoder.finish("instruction"))
      instruction = vdomain::Defer{"4.3.0 the queue holds an instruction that cannot be read"};
    plan.steps.push_back({i, std::move(instruction)});
  }
  return plan;
}

Task<Result<Deliverer::Plan>> Deliverer::make_plan(Work work, Address recipient, Moment started) {
  const QueuedRecipient& queued = services_.ledger.find(work.message)->recipients[work.recipient];
  if (queued.past && queued.past->frozen) co_return frozen_plan(queued);
  Result<Plan> plan = co_await resolve(work, std::move(recipient), started);
  if (!plan || plan->verdict || plan->next_hop || plan->steps.size() < 2) co_return std::move(plan);
  const bool only_forwards = std::ranges::all_of(
      plan->steps, [](const Step& s) { return is<vdomain::Forward>(s.instruction); });
  if (only_forwards) co_return std::move(plan);
  Result<void> fixed = co_await freeze(work, plan->steps);
  if (!fixed)
    plan->verdict = deferred("4.3.0 the queue cannot be written now", fixed.error().detail);
  plan->frozen = true;
  co_return std::move(plan);
}

Task<Result<void>> Deliverer::freeze(Work work, const std::vector<Step>& steps) {
  std::vector<std::string> encoded;
  for (const Step& step : steps) {
    Encoder encoder;
    vdomain::put_instruction(encoder, step.instruction);
    encoded.push_back(encoder.take());
  }
  return services_.ledger.freeze(work, std::move(encoded));
}

StepResult Deliverer::unknown_recipient(const QueuedMessage& message, Moment started,
                                        const std::string& words) const {
  // It was known when it was accepted: a directory that was restored empty must not bounce the
  // queue.
  if (started - message.birth() < unknown_grace_)
    return deferred("4.1.1 no mailbox here by that name at present");
  return failed("5.1.1 " + (words.empty() ? "no mailbox here by that name" : words));
}

Task<Result<vdomain::Resolve::Reply>> Deliverer::ask_directory(Work work, Address recipient) {
  std::optional<vdomain::Resolve::Reply> early = co_await services_.early.take(work.message);
  if (early) co_return std::move(*early);
  co_return co_await services_.directory.call(vdomain::Resolve{std::move(recipient)},
                                              kResolveTimeout);
}

Task<Result<Deliverer::Plan>> Deliverer::resolve(Work work, Address recipient, Moment started) {
  using Status = vdomain::Resolve::Status;
  Plan plan;
  std::shared_ptr<ipc::Channel> channel = services_.directory.channel();
  if (!channel) co_return transient("toast-vdomaind is not running");
  const Domain domain = recipient.domain();
  Result<vdomain::Resolve::Reply> reply = co_await ask_directory(work, std::move(recipient));
  if (!reply) {
    if (!channel->is_open()) co_return pass(reply);
    plan.verdict = deferred("4.3.0 the directory cannot be asked at present", reply.error().detail);
  } else if (reply->status == Status::not_local) {
    plan.next_hop = routes_.next_hop(domain);
  } else if (reply->status == Status::unknown) {
    plan.verdict = unknown_recipient(*services_.ledger.find(work.message), started, reply->reason);
  } else if (reply->instructions.empty()) {
    plan.verdict = deferred("4.3.5 the directory says nothing about where this mail goes");
  } else {
    for (vdomain::Instruction& instruction : reply->instructions)
      plan.steps.push_back({static_cast<std::uint32_t>(plan.steps.size()), std::move(instruction)});
  }
  co_return std::move(plan);
}

Task<Result<StepResult>> Deliverer::deliver_maildir(Work work, std::uint32_t instruction,
                                                    vdomain::DeliverMaildir target,
                                                    Address recipient) {
  std::shared_ptr<QueuedMessage> message = services_.ledger.find(work.message);
  Result<StoredBody> body = co_await services_.ledger.read_body(work.message);
  if (!body) {
    services_.log.error("queue.body.unreadable",
                        {{"id", work.message.str()}, {"reason", body.error().detail}});
    co_return deferred("4.3.0 the message cannot be read back at present", body.error().detail);
  }
  if (body->blob && !body->prefix.empty())
    co_return deferred("4.3.0 a large body with fields in front of it cannot be delivered");
  const std::uint64_t bytes =
      body->blob ? body->blob_bytes : body->prefix.size() + body->bytes.size();
  if (!body->prefix.empty()) body->bytes.insert(0, body->prefix);
  maildir::Deliver request{services_.store.queue_id(),
                           work.message,
                           work.recipient,
                           instruction,
                           unix_seconds(message->arrival),
                           std::move(target),
                           delivery_path(message->envelope, recipient),
                           std::move(recipient),
                           std::move(body->bytes),
                           bytes,
                           std::move(body->blob)};
  std::shared_ptr<ipc::Channel> channel = services_.mailboxes.channel();
  if (!channel) co_return transient("toast-maild is not running");
  Result<maildir::Deliver::Reply> reply =
      co_await channel->call(std::move(request), kDeliveryTimeout);
  if (!reply && !channel->is_open()) co_return pass(reply);
  if (!reply) co_return from_error(reply.error());
  StepResult result;
  result.text = "delivered";
  result.detail = std::move(reply->file_name);
  if (reply->already_there) result.text = "delivered before";
  co_return result;
}

}  // namespace toast::queue
