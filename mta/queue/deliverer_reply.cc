// Automatic answers: a message of its own, created in the record that says that the instruction is
// done, once the message that is answered lies where it belongs.
#include <algorithm>

#include "mta/queue/auto_reply.h"
#include "mta/queue/deliverer.h"

namespace toast::queue {
namespace {

using Kind = StepResult::Kind;

StepResult not_answered(std::string why) {
  return {kWholeRecipient, Kind::delivered, "not answered: " + std::move(why), {}};
}

StepResult answered_later(std::string detail) {
  return {kWholeRecipient, Kind::deferred, "4.3.0 the message cannot be answered at present",
          std::move(detail)};
}

}  // namespace

Task<Deliverer::Made> Deliverer::answer(Work work, vdomain::AutoReply reply,
                                        std::vector<StepResult> others) {
  const auto any = [&](Kind kind) {
    return std::ranges::any_of(others, [&](const StepResult& s) { return s.kind == kind; });
  };
  if (any(Kind::failed)) co_return Made{std::nullopt, not_answered("it was not delivered")};
  if (any(Kind::deferred)) co_return Made{std::nullopt, answered_later("it is not delivered yet")};
  std::shared_ptr<QueuedMessage> message = services_.ledger.find(work.message);
  const std::string reverse_path(message->envelope.reverse_path());
  Result<Address> sender = Address::parse(reverse_path);
  if (!sender) co_return Made{std::nullopt, not_answered("it has no sender")};
  Result<StoredBody> body = co_await services_.ledger.read_body(work.message);
  if (!body) co_return Made{std::nullopt, answered_later(body.error().detail)};
  Result<std::string> header = front_of_body(*body);
  if (!header) co_return Made{std::nullopt, answered_later(header.error().detail)};
  const WallTime now = services_.clock.wall();
  std::string reason = reason_not_to_answer(reply, *sender, *header, now);
  if (!reason.empty()) co_return Made{std::nullopt, not_answered(std::move(reason))};
  AnswerMemory::Question question{reply.mailbox,  *sender, work.message,
                                  work.recipient, now,     std::chrono::days(reply.days)};
  auto claim = [memory = answers_, question = std::move(question)] {
    return memory->claim(question);
  };
  Result<bool> due = co_await run_blocking(services_.pool, std::move(claim));
  if (!due) co_return Made{std::nullopt, answered_later(due.error().detail)};
  if (!*due) co_return Made{std::nullopt, not_answered("this sender has had its answer already")};
  const MessageId id = services_.ids.next();
  Envelope envelope;  // of the null sender; a bounce of it is of no use to anybody
  envelope.recipients.push_back(Recipient{sender->str(), {}, {}, kNotifyNever});
  Made made;
  made.child = Accepted{id,
                        message->id,
                        now,
                        Origin::reply,
                        envelope,
                        {},
                        InlineBody{answer_text({reply, *sender, *header, id, host_, now})},
                        std::nullopt};
  made.result.text = "answered as " + id.str();
  co_return made;
}

}  // namespace toast::queue
