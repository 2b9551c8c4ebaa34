#include "mta/queue/ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace toast::queue {
namespace {

// Said in place of a deferral when there is no further attempt (qmail's words).
constexpr std::string_view kTooLong =
    "\nI'm not going to try again; this message has been in the queue too long.";

std::uint64_t sender_key(const PackedEnvelope& envelope) {
  return std::hash<std::string_view>{}(envelope.reverse_path());
}

Scheduler::Limits limits_from(const Options& options) {
  return {options.concurrency,
          options.lifetime,
          {options.concurrency_remote, options.concurrency_destination}};
}

std::uint64_t size_of(const Accepted& child, std::uint64_t parent_bytes) {
  if (const auto* body = std::get_if<InlineBody>(&child.body))
    return child.prefix.size() + body->bytes.size();
  if (const auto* blob = std::get_if<BlobBody>(&child.body))
    return child.prefix.size() + blob->size;
  return child.prefix.size() + parent_bytes;
}

}  // namespace

QueueMetrics::QueueMetrics(Metrics& m)
    : accepted(m.counter("queue.messages.accepted")),
      deliveries(m.counter("queue.deliveries")),
      deferrals(m.counter("queue.deferrals")),
      failures(m.counter("queue.failures")),
      bounces(m.counter("queue.bounces")),
      discarded_bounces(m.counter("queue.bounces.discarded")),
      forwards(m.counter("queue.forwards")),
      replies(m.counter("queue.replies")),
      batches(m.counter("queue.journal.batches")),
      messages(m.gauge("queue.messages")),
      in_hand(m.gauge("queue.recipients.in_hand")),
      deferred(m.gauge("queue.recipients.deferred")) {}

Ledger::Ledger(Services services, const Options& options)
    : services_(services),
      options_(options),
      scheduler_(limits_from(options)),
      bodies_(messages_, services_.clock, services_.store, services_.pool),
      delays_seen_(now()) {}

void Ledger::set_options(const Options& options) {
  options_ = options;
  scheduler_.set_limits(limits_from(options));
  if (on_work_) on_work_();
}

void Ledger::load(std::span<const MessageState> live) {
  for (const MessageState& state : live) {
    std::shared_ptr<QueuedMessage> message = message_from(state);
    messages_.insert({message->id, message});
    note_age(*message, std::nullopt);
    if (message->open == 0 &&
        !is_being_taken(*message))  // the crash came between the last outcome and the end
      spawn(services_.loop, conclude(message, {}, {}, std::nullopt));
    else
      schedule_recovered(*message);
  }
  update_gauges();
}

void Ledger::schedule_recovered(const QueuedMessage& message) {
  const std::uint64_t sender = sender_key(message.envelope);
  if (message.hold) return scheduler_.add_held(message.id, message.birth(), sender, message.open);
  const Open open = open_recipients(message);
  scheduler_.add(message.id, message.birth(), sender, open.fresh, open.waiting);
}

std::shared_ptr<QueuedMessage> Ledger::find(MessageId id) const {
  const auto* const found = messages_.find(id);
  return found == nullptr ? nullptr : found->second;
}

bool Ledger::is_crowded() const {
  return scheduler_.counts().fresh > kCrowdedPerSlot * options_.concurrency;
}

void Ledger::update_in_hand() { services_.metrics.in_hand.set(in_hand()); }

void Ledger::update_gauges() {
  services_.metrics.messages.set(messages_.size());
  update_in_hand();
  services_.metrics.deferred.set(scheduler_.counts().deferred);
  const std::uint64_t batches = services_.commits.batches();
  services_.metrics.batches.add(batches - std::exchange(counted_batches_, batches));
}

Task<Result<void>> Ledger::accept(Accepted accepted, std::uint64_t size_bytes, MemoryShare share) {
  using Signature = void(Result<void>);
  std::vector<Record> records;
  records.emplace_back(std::move(accepted));
  auto kept = std::make_shared<MemoryShare>(std::move(share));
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, Signature>(
      [this, size_bytes, kept](auto handler, std::vector<Record> given) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        services_.commits.urgent(
            std::move(given), [this, size_bytes, kept, shared](const Result<void>& result,
                                                               std::span<Record> durable) {
              if (result) {
                auto& own = std::get<Accepted>(durable.front());
                std::shared_ptr<QueuedMessage> message = message_from(own, size_bytes);
                services_.observer.accepted(*message, own.body);
                if (auto* body = std::get_if<InlineBody>(&own.body); body && kept->bytes() > 0)
                  bodies_.keep(*message, std::move(body->bytes), std::move(*kept));
                bodies_.drop_old();
                admit(message);
              } else {
                commit_failed(result.error());
              }
              (*shared)(result);
            });
      },
      asio::use_awaitable, std::move(records));
}

void Ledger::admit(const std::shared_ptr<QueuedMessage>& message) {
  messages_.insert({message->id, message});
  services_.metrics.accepted.add();
  services_.log.info("queue.message.accepted",
                     {{"id", message->id.str()},
                      {"from", fmt::format("<{}>", message->envelope.reverse_path())},
                      {"recipients", message->recipients.size()},
                      {"bytes", message->size_bytes},
                      {"origin", origin_name(message->origin)},
                      {"peer", message->envelope.peer()}});
  const std::uint64_t sender = sender_key(message->envelope);
  if (message->hold) {
    scheduler_.add_held(message->id, message->birth(), sender, message->open);
    services_.log.warning("queue.message.held",
                          {{"id", message->id.str()}, {"reason", *message->hold}});
    services_.observer.changed(*message, OperatorChange::held, {}, *message->hold);
  } else {
    scheduler_.add(message->id, message->birth(), sender, message->open);
  }
  update_gauges();
  if (on_work_) on_work_();
}

void Ledger::admit_child(const Accepted& child, std::uint64_t size_bytes) {
  QueueMetrics& metrics = services_.metrics;
  (child.origin == Origin::bounce  ? metrics.bounces
   : child.origin == Origin::reply ? metrics.replies
                                   : metrics.forwards)
      .add();
  services_.log.info(
      "queue.message.created",
      {{"id", child.id.str()}, {"parent", child.parent.str()}, {"as", origin_name(child.origin)}});
  std::shared_ptr<QueuedMessage> message = message_from(child, size_bytes);
  services_.observer.accepted(*message, child.body);
  admit(message);
}

bool Ledger::may_deliver() const {
  return !services_.commits.failure() && services_.commits.backlog() <= kMaxUnwritten;
}

std::optional<Moment> Ledger::next_due() const {
  return may_deliver() ? scheduler_.next_due() : std::nullopt;
}

std::optional<Moment> Ledger::next_remote_due() const {
  return may_deliver() ? scheduler_.next_remote_due() : std::nullopt;
}

std::optional<Work> Ledger::next() {
  if (!may_deliver()) return std::nullopt;
  std::optional<Work> work = scheduler_.next(now());
  if (!work) return std::nullopt;
  at(work->message)->recipients[work->recipient].phase = RecipientPhase::in_hand;
  update_in_hand();
  return work;
}

std::optional<RemoteWork> Ledger::next_remote() {
  if (!may_deliver()) return std::nullopt;
  std::optional<RemoteWork> work = scheduler_.next_remote(now());
  if (!work) return std::nullopt;
  QueuedMessage& message = *at(work->message);
  for (const Work& one : work->works)
    message.recipients[one.recipient].phase = RecipientPhase::in_hand;
  for (const Work& one : work->works) services_.observer.started(message, one);
  update_in_hand();
  return work;
}

void Ledger::begin_local(const Work& work) { services_.observer.started(*at(work.message), work); }

void Ledger::to_destination(const Work& work, const NextHop& next_hop) {
  at(work.message)->recipients[work.recipient].phase =
      work.fresh ? RecipientPhase::waiting : RecipientPhase::deferred;
  scheduler_.to_destination(work, next_hop.str());
  update_in_hand();
}

void Ledger::batch_over(const RemoteWork& work, Contact contact, const std::string& why) {
  scheduler_.batch_over(work, contact, why, now());
}

Task<Result<void>> Ledger::freeze(Work work, std::vector<std::string> instructions) {
  std::vector<Record> records;
  records.emplace_back(Frozen{work.message, work.recipient, instructions});
  Result<void> durable = co_await services_.commits.commit(std::move(records));
  if (!durable) co_return durable;
  RecipientPast& past = at(work.message)->recipients[work.recipient].make_past();
  past.frozen = true;
  for (std::string& instruction : instructions)
    past.steps.push_back(FrozenStep{std::move(instruction), Fate::pending, {}});
  co_return durable;
}

bool Ledger::give_up_after(const Work& work, Moment started, const std::string& why) {
  QueuedRecipient& r = at(work.message)->recipients[work.recipient];
  if (++r.given_back < kMaxGivenBack) {
    r.phase = work.fresh ? RecipientPhase::waiting : RecipientPhase::deferred;
    return false;
  }
  r.given_back = 0;
  Attempt attempt;
  attempt.steps.push_back({kWholeRecipient, StepResult::Kind::deferred,
                           "4.3.0 the delivery process ended during the delivery", why});
  record(work, started, std::move(attempt));
  return true;
}

void Ledger::give_back(const Work& work, Moment started, const std::string& why) {
  if (!give_up_after(work, started, why)) scheduler_.given_back(work);
}

void Ledger::give_back(const RemoteWork& work, Moment started, const std::string& why) {
  for (const Work& one : work.works)
    if (!give_up_after(one, started, why)) scheduler_.given_back(one, work);
  scheduler_.batch_over(work, Contact::unknown, {}, now());
}

void Ledger::log_step(const QueuedMessage& message, const Work& work, const StepResult& step) {
  const std::initializer_list<Field> fields = {
      {"id", message.id.str()}, {"to", message.recipient(work.recipient).address},
      {"left", message.open},   {"text", step.text},
      {"detail", step.detail},
  };
  switch (step.kind) {
    case StepResult::Kind::delivered:
      services_.metrics.deliveries.add();
      services_.log.info("queue.delivery.done", fields);
      break;
    case StepResult::Kind::failed:
      services_.metrics.failures.add();
      services_.log.info("queue.delivery.failed", fields);
      break;
    case StepResult::Kind::deferred:
      services_.metrics.deferrals.add();
      services_.log.info("queue.delivery.deferred", fields);
      break;
  }
}

// A temporary failure that is not to be followed by another attempt.
void Ledger::apply_end_of_patience(const QueuedRecipient& recipient, const Work& work,
                                   StepResult& step) const {
  if (recipient.give_up == GiveUp::remove) {
    step.kind = StepResult::Kind::delivered;
    step.text = "2.0.0 removed by the operator; the last attempt said: " + step.text;
  } else if (recipient.give_up == GiveUp::bounce) {
    step.kind = StepResult::Kind::failed;
    step.text += "\nReturned to its sender by the operator.";
  } else if (work.last) {
    step.kind = StepResult::Kind::failed;
    step.text += kTooLong;
  }
}

Ledger::Folded Ledger::fold(QueuedMessage& message, const Work& work, Moment started,
                            Attempt& attempt) {
  Folded folded;
  QueuedRecipient& r = message.recipients[work.recipient];
  const bool quick = attempt.steps.size() == 1 && !r.past &&
                     attempt.steps.front().kind == StepResult::Kind::delivered;
  if (!quick) {
    RecipientPast& past = r.make_past();
    ++past.attempts;
    past.last_attempt = started;
  }
  for (StepResult& step : attempt.steps) {
    if (step.kind == StepResult::Kind::deferred) apply_end_of_patience(r, work, step);
    log_step(message, work, step);
    const Target target{work.recipient, step.instruction};
    if (step.kind == StepResult::Kind::deferred) {
      folded.deferrals.push_back(Deferral{message.id, target, {}, r.past->attempts, step.text});
    } else {
      const bool good = step.kind == StepResult::Kind::delivered;
      const Fate fate = good ? Fate::delivered : Fate::failed;
      folded.outcomes.push_back(Outcome{message.id, target, fate, step.text});
      if (r.past && step.instruction < r.past->steps.size()) {
        r.past->steps[step.instruction].fate = fate;
        r.past->steps[step.instruction].text = step.text;
      }
    }
    if (!quick) r.past->last_text = step.text;
  }
  return folded;
}

// All that was to be done for this recipient is done, well or not.
void Ledger::close_recipient(QueuedMessage& message, const Work& work) {
  QueuedRecipient& r = message.recipients[work.recipient];
  bool failed = false;
  if (r.past) {
    for (const FrozenStep& step : r.past->steps) {
      if (step.fate != Fate::failed) continue;
      failed = true;
      r.past->last_text = step.text;
      break;
    }
  }
  r.phase = failed ? RecipientPhase::failed : RecipientPhase::delivered;
}

void Ledger::record(const Work& work, Moment started, Attempt attempt) {
  std::shared_ptr<QueuedMessage> message = at(work.message);
  QueuedRecipient& r = message->recipients[work.recipient];
  Folded folded = fold(*message, work, started, attempt);
  if (folded.deferrals.empty()) {
    close_recipient(*message, work);
    const bool whole_failed = std::ranges::any_of(folded.outcomes, [](const Outcome& o) {
      return o.target.instruction == kWholeRecipient && o.fate == Fate::failed;
    });
    if (whole_failed) r.phase = RecipientPhase::failed;
    if (r.phase == RecipientPhase::failed) message->failed.make().push_back(work.recipient);
    --message->open;
    scheduler_.ended(work);
  } else {
    const Moment due = scheduler_.deferred(work, started);
    r.phase = RecipientPhase::deferred;
    r.past->next_attempt = due;
    for (Deferral& deferral : folded.deferrals) deferral.next_attempt = due;
    message->content.reset();  // it will not be needed soon
  }
  services_.observer.attempted(*message, work, attempt);
  update_gauges();
  std::optional<Confirmation> confirmation = confirmation_for(*message, work, attempt);
  std::vector<Accepted> children;
  if (attempt.child) children.push_back(std::move(*attempt.child));
  if (attempt.reply) children.push_back(std::move(*attempt.reply));
  if (message->open == 0)
    spawn(services_.loop, conclude(message, std::move(folded.outcomes), std::move(children),
                                   std::move(confirmation)));
  else if (confirmation)
    spawn(services_.loop,
          confirm(message, std::move(folded), std::move(children), std::move(*confirmation)));
  else
    write(std::move(message), std::move(folded), std::move(children));
}

void Ledger::record_part(const Work& work, Moment started, Attempt attempt) {
  std::shared_ptr<QueuedMessage> message = at(work.message);
  Folded folded = fold(*message, work, started, attempt);
  services_.observer.attempted(*message, work, attempt);
  std::vector<Accepted> children;
  if (attempt.child) children.push_back(std::move(*attempt.child));
  if (attempt.reply) children.push_back(std::move(*attempt.reply));
  write(std::move(message), std::move(folded), std::move(children));
}

std::optional<Ledger::Confirmation> Ledger::confirmation_for(const QueuedMessage& message,
                                                             const Work& work,
                                                             const Attempt& attempt) const {
  const bool served = message.recipients[work.recipient].phase == RecipientPhase::delivered;
  if (!served || !wants(message, work.recipient, kNotifySuccess)) return std::nullopt;
  const StepResult& last = attempt.steps.back();
  if (last.passed_dsn) return std::nullopt;
  const Action action = attempt.child                     ? Action::expanded
                        : work.channel == Channel::remote ? Action::relayed
                                                          : Action::delivered;
  return Confirmation{work.recipient, action, last.text};
}

Task<> Ledger::confirm(std::shared_ptr<QueuedMessage> message, Folded folded,
                       std::vector<Accepted> made, Confirmation confirmation) {
  ++concluding_;
  made.push_back(co_await make_confirmation(message, std::move(confirmation)));
  --concluding_;
  write(std::move(message), std::move(folded), std::move(made));
}

void Ledger::write(std::shared_ptr<QueuedMessage> message, Folded folded,
                   std::vector<Accepted> children) {
  std::vector<Record> records;
  const bool has_child = !children.empty();
  if (has_child) {
    records.emplace_back(
        Compound{message->id, std::move(folded.outcomes), std::move(children), false});
  } else {
    for (Outcome& outcome : folded.outcomes) records.emplace_back(std::move(outcome));
  }
  for (Deferral& deferral : folded.deferrals) records.emplace_back(std::move(deferral));
  const std::uint64_t parent_bytes = message->size_bytes;
  CommitQueue::Done done = [this, parent_bytes](const Result<void>& result,
                                                std::span<Record> durable) {
    if (!result) return commit_failed(result.error());
    for (const Record& record : durable) {
      const auto* compound = std::get_if<Compound>(&record);
      if (compound == nullptr) continue;
      for (const Accepted& created : compound->children)
        admit_child(created, size_of(created, parent_bytes));
    }
    if (on_work_) on_work_();
  };
  commit(std::move(records), has_child, std::move(done));
}

// A child is mail on its way: somebody waits for it.
void Ledger::commit(std::vector<Record> records, bool has_child, CommitQueue::Done done) {
  if (has_child)
    services_.commits.urgent(std::move(records), std::move(done));
  else
    services_.commits.relaxed(std::move(records), std::move(done));
}

Task<> Ledger::conclude(std::shared_ptr<QueuedMessage> message, std::vector<Outcome> outcomes,
                        std::vector<Accepted> children, std::optional<Confirmation> confirmation) {
  ++concluding_;
  Compound compound{message->id, std::move(outcomes), std::move(children), true};
  if (confirmation)
    compound.children.push_back(co_await make_confirmation(message, std::move(*confirmation)));
  if (message->failed) {
    std::optional<Accepted> bounce = co_await make_bounce(message);
    if (bounce) compound.children.push_back(std::move(*bounce));
  }
  const bool has_child = !compound.children.empty();
  std::vector<Record> records;
  records.emplace_back(std::move(compound));
  CommitQueue::Done done = [this, message](const Result<void>& result, std::span<Record> durable) {
    --concluding_;
    if (!result) return commit_failed(result.error());
    messages_.erase(message->id);
    for (const Accepted& created : std::get<Compound>(durable.front()).children)
      admit_child(created, size_of(created, message->size_bytes));
    services_.observer.ended(*message);
    update_gauges();
    if (on_work_) on_work_();
  };
  commit(std::move(records), has_child, std::move(done));
}

void Ledger::commit_failed(const Error& error) {
  if (error.failure == Failure::permanent) {  // one record, refused: a defect of ours
    services_.log.error("queue.record.refused", {{"reason", error.detail}});
    return;
  }
  if (failure_logged_) return;
  failure_logged_ = true;
  services_.log.error("queue.journal.failed",
                      {{"reason", error.detail}, {"effect", "nothing is accepted or delivered"}});
}

Task<> Ledger::settle() {
  while ((in_hand() > 0 || concluding_ > 0) && !services_.commits.failure()) {
    asio::steady_timer tick(services_.loop, std::chrono::milliseconds(5));
    auto [ignored] = co_await tick.async_wait(no_throw);
    (void)ignored;
  }
  co_await services_.commits.settle();
}

}  // namespace toast::queue
