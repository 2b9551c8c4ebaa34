// Messages that waited in another queue, with what had become of them there.
#include <fmt/format.h>

#include "mta/queue/ledger.h"
#include "mta/takeover/derived_id.h"

namespace toast::queue {

Task<Result<void>> Ledger::take_over(std::vector<Record> records, std::uint64_t size_bytes) {
  using Signature = void(Result<void>);
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, Signature>(
      [this, size_bytes](auto handler, std::vector<Record> given) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        services_.commits.urgent(
            std::move(given),
            [this, size_bytes, shared](const Result<void>& result, std::span<Record> durable) {
              if (result)
                admit_taken(durable, size_bytes);
              else
                commit_failed(result.error());
              (*shared)(result);
            });
      },
      asio::use_awaitable, std::move(records));
}

void Ledger::admit_taken(std::span<const Record> records, std::uint64_t size_bytes) {
  const auto& accepted = std::get<Accepted>(records.front());
  MessageState state = state_of(accepted);
  state.size_bytes = size_bytes;
  for (const Record& record : records.subspan(1)) {
    if (const auto* frozen = std::get_if<Frozen>(&record)) apply(state, *frozen);
    if (const auto* outcome = std::get_if<Outcome>(&record)) apply(state, *outcome);
    if (const auto* deferral = std::get_if<Deferral>(&record)) apply(state, *deferral);
    if (const auto* hold = std::get_if<Hold>(&record)) apply(state, *hold);
  }
  std::shared_ptr<QueuedMessage> message = message_from(state);
  services_.observer.accepted(*message, accepted.body);
  services_.metrics.accepted.add();
  services_.log.info("queue.message.taken_over",
                     {{"id", message->id.str()},
                      {"from", fmt::format("<{}>", message->envelope.reverse_path())},
                      {"recipients", message->recipients.size()},
                      {"open", message->open},
                      {"bytes", message->size_bytes},
                      {"peer", message->envelope.peer()}});
  messages_.insert({message->id, message});
  note_age(*message, now());
  schedule_recovered(*message);  // held: it has no turn yet
  update_gauges();
  if (on_work_) on_work_();
}

bool Ledger::is_being_taken(const QueuedMessage& message) {
  return message.hold &&
         (message.hold->starts_with(kUnconfirmed) || message.hold->starts_with(kHalfTaken));
}

void Ledger::confirm_taken(MessageId id) {
  std::shared_ptr<QueuedMessage> message = find(id);
  if (!message || !message->hold || !message->hold->starts_with(kUnconfirmed)) return;
  const std::string reason = message->hold->substr(kUnconfirmed.size());
  message->hold.reset();
  if (!reason.empty()) message->hold = reason;  // as in its own queue
  std::vector<Record> records;
  if (reason.empty())
    records.emplace_back(Release{id});
  else
    records.emplace_back(Hold{id, reason});
  commit(std::move(records), false, [this](const Result<void>& result, std::span<Record>) {
    if (!result) commit_failed(result.error());
  });
  if (message->open > 0)
    put_back(*message);
  else if (reason.empty())  // only its bounce is due
    spawn(services_.loop, conclude(std::move(message), {}, {}, std::nullopt));
  if (on_work_) on_work_();
}

Task<Result<void>> Ledger::drop_half_taken(MessageId id) {
  std::vector<Record> records;
  records.emplace_back(Finished{id});
  Result<void> durable = co_await services_.commits.commit(std::move(records));
  if (!durable) co_return durable;
  const std::shared_ptr<QueuedMessage> message = find(id);
  if (!message) co_return durable;
  if (message->open > 0) scheduler_.ended_while_held(id, message->open);
  messages_.erase(id);
  services_.log.info("queue.message.half_taken", {{"id", id.str()}});
  update_gauges();
  co_return durable;
}

// An imported message has an id that is made of its content. One that is too old for a warning
// already is warned of when it has waited here for so long, too: nobody else has told its sender.
void Ledger::note_age(const QueuedMessage& message, std::optional<Moment> taken) {
  if (message.id.value() >= takeover::kDerivedIdsEnd) return;  // it tells its age
  Moment from = message.birth();
  if (taken && *taken - from >= options_.delay_warning) from = *taken;
  odd_ages_.emplace(from, message.id);
}

}  // namespace toast::queue
