#include "mta/remote/courier.h"

#include <algorithm>
#include <numeric>

#include "mta/message/verp.h"
#include "mta/remote/approach.h"
#include "mta/remote/limits.h"

namespace toast::remote {
namespace {

using End = TransactionResult::End;
using Indices = std::vector<std::size_t>;  // of recipients

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

class Errand {
 public:
  Errand(std::shared_ptr<const Options> options, Services& services, DeliverRemote request,
         Abandoned abandoned)
      : services_(services),
        request_(std::move(request)),
        abandoned_(std::move(abandoned)),
        until_(services.clock.steady() + kRequestTime),
        approach_(std::move(options), services, request_.next_hop, request_.reverse_path, until_),
        outcomes_(request_.recipients.size()) {}
  Task<DeliverRemote::Reply> run();

 private:
  Task<Result<void>> prepare();
  std::vector<Indices> shares() const;
  Task<bool> deliver_to(Indices recipients);
  Task<bool> have_connection();
  Transaction transaction_for(const Indices& recipients) const;
  bool take_result(const Indices& tried, TransactionResult result, Indices& left);
  bool may_try_again(End end, bool used_before);
  void log_failure(const TransactionResult& result);
  void settle_all(const Outcome& outcome);
  DeliverRemote::Reply finish();

  Services& services_;
  DeliverRemote request_;
  Abandoned abandoned_;
  SteadyTime until_;
  Approach approach_;
  std::shared_ptr<const OutgoingMessage> message_;
  std::unique_ptr<Connection> connection_;
  std::vector<std::optional<Outcome>> outcomes_;
  bool reached_ = false;
  bool tried_again_ = false;
};

Task<DeliverRemote::Reply> Errand::run() {
  Result<void> prepared = co_await prepare();
  if (!prepared) {
    reached_ = true;  // nothing is wrong with the destination
    settle_all(outcome_of(prepared.error()));
    co_return finish();
  }
  for (const Indices& share : shares()) {
    const bool go_on = co_await deliver_to(share);
    if (!go_on) break;
  }
  if (connection_) approach_.keep(std::move(connection_));
  co_return finish();
}

Task<Result<void>> Errand::prepare() {
  if (has_control_character(request_.reverse_path))
    co_return permanent("control character in the reverse path", "5.1.7 bad sender address");
  Content content(std::move(request_.body), std::move(request_.descriptor), request_.body_bytes,
                  services_.disk);
  Result<ContentFacts> facts = co_await content.scan();
  if (!facts) co_return pass(facts);
  message_ = std::make_shared<const OutgoingMessage>(
      OutgoingMessage{std::move(content), *facts, request_.smtputf8, request_.ret, request_.envid});
  co_return Result<void>{};
}

// Recipients that may share a transaction: all, or with VERP each for itself.
std::vector<Indices> Errand::shares() const {
  Indices all(request_.recipients.size());
  std::iota(all.begin(), all.end(), 0);
  if (!request_.verp) return {all};
  std::vector<Indices> each;
  for (const std::size_t i : all) each.push_back({i});
  return each;
}

Transaction Errand::transaction_for(const Indices& recipients) const {
  Transaction transaction;
  transaction.message = message_;
  transaction.abandoned = abandoned_;
  for (const std::size_t i : recipients) transaction.recipients.push_back(request_.recipients[i]);
  transaction.reverse_path = request_.reverse_path;
  if (request_.verp && !request_.reverse_path.empty())
    transaction.reverse_path =
        expand_verp(request_.reverse_path, request_.recipients[recipients.front()].address);
  return transaction;
}

// False: nothing more can be done for this request; every recipient has an outcome.
Task<bool> Errand::deliver_to(Indices recipients) {
  while (!recipients.empty()) {
    const bool connected = co_await have_connection();
    if (!connected) co_return false;
    const std::size_t limit = connection_->capabilities().max_recipients;
    const std::size_t count = limit == 0 ? recipients.size() : std::min(limit, recipients.size());
    const Indices now(recipients.begin(), recipients.begin() + static_cast<std::ptrdiff_t>(count));
    Indices left;
    Transaction transaction = transaction_for(now);
    services_.counters.transactions.add();
    TransactionResult result =
        co_await run_transaction(*connection_, std::move(transaction), until_);
    const bool go_on = take_result(now, std::move(result), left);
    if (!go_on) co_return false;
    recipients.erase(recipients.begin(), recipients.begin() + static_cast<std::ptrdiff_t>(count));
    recipients.insert(recipients.begin(), left.begin(), left.end());
  }
  co_return true;
}

Task<bool> Errand::have_connection() {
  if (connection_ && connection_->can_carry_more()) co_return true;
  if (connection_) approach_.keep(std::move(connection_));  // which says QUIT
  Result<std::unique_ptr<Connection>> reached = co_await approach_.reach();
  if (reached)
    connection_ = std::move(*reached);
  else
    settle_all(outcome_of(reached.error()));
  co_return connection_ != nullptr;
}

// `left`: those of `tried` that another transaction is for.
bool Errand::take_result(const Indices& tried, TransactionResult result, Indices& left) {
  for (std::size_t i = 0; i < tried.size(); ++i) {
    if (result.outcomes[i])
      outcomes_[tried[i]] = std::move(result.outcomes[i]);
    else
      left.push_back(tried[i]);
  }
  if (result.end == End::answered) {
    reached_ = true;
    return true;
  }
  log_failure(result);
  const bool used_before = connection_->transactions() > 1;
  connection_.reset();
  if (may_try_again(result.end, used_before)) {
    approach_.connection_was_stale();
    return true;
  }
  if (result.end == End::not_begun) {
    approach_.host_failed(std::move(result.otherwise));
    return true;
  }
  reached_ = true;
  settle_all(result.otherwise);
  return false;
}

// A host may close a connection that it has served before, at any time (RFC 5321 section 3.8): no
// failure of this message, as long as it does not have the whole of it.
bool Errand::may_try_again(End end, bool used_before) {
  if (!used_before) return false;
  if (end == End::not_begun) return true;
  if (end != End::broken_off || tried_again_) return false;
  tried_again_ = true;
  return true;
}

void Errand::log_failure(const TransactionResult& result) {
  services_.log.info("remote.transaction.failed", {{"id", request_.message.str()},
                                                   {"remote", connection_->peer()},
                                                   {"reason", result.otherwise.text}});
}

void Errand::settle_all(const Outcome& outcome) {
  for (std::optional<Outcome>& open : outcomes_)
    if (!open) open = outcome;
}

DeliverRemote::Reply Errand::finish() {
  DeliverRemote::Reply reply;
  reply.reached = reached_;
  reply.remote = approach_.remote();
  for (std::optional<Outcome>& outcome : outcomes_) reply.outcomes.push_back(std::move(*outcome));
  return reply;
}

}  // namespace

Task<DeliverRemote::Reply> deliver(std::shared_ptr<const Options> options, Services& services,
                                   DeliverRemote request, Abandoned abandoned) {
  auto errand = std::make_unique<Errand>(std::move(options), services, std::move(request),
                                         std::move(abandoned));
  co_return co_await errand->run();
}

}  // namespace toast::remote
