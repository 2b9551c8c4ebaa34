#include "mta/remote/courier.h"

#include <algorithm>
#include <numeric>

#include "mta/remote/limits.h"
#include "mta/remote/transaction.h"

namespace toast::remote {
namespace {

using End = TransactionResult::End;
using Indices = std::vector<std::size_t>;

std::string describe(const Candidate& candidate) {
  const IpAddress& address = candidate.endpoint.address;
  const std::string name = candidate.host == address.str() ? "" : candidate.host;
  return name + "[" + address.str() + "]:" + std::to_string(candidate.endpoint.port);
}

class Errand {
 public:
  Errand(std::shared_ptr<const Options> options, Services& services, DeliverRemote request)
      : options_(std::move(options)),
        services_(services),
        request_(std::move(request)),
        until_(services.clock.steady() + kRequestTime),
        outcomes_(request_.recipients.size()) {}
  Task<DeliverRemote::Reply> run();

 private:
  Task<Result<void>> prepare();
  Task<> deliver_to(Indices recipients);
  Task<Result<void>> find_hosts();
  Task<Result<void>> reach_next_host();
  Task<Result<std::unique_ptr<smtp::Wire>>> connect(Candidate candidate);
  Indices take_result(const Indices& tried, TransactionResult result);
  Transaction transaction_for(const Indices& recipients) const;
  void settle(const Indices& recipients, const Outcome& outcome);
  DeliverRemote::Reply finish();

  std::shared_ptr<const Options> options_;
  Services& services_;
  DeliverRemote request_;
  SteadyTime until_;
  std::shared_ptr<const OutgoingMessage> message_;
  std::vector<Candidate> candidates_;
  std::size_t next_candidate_ = 0;
  std::unique_ptr<Connection> connection_;
  std::vector<std::optional<Outcome>> outcomes_;
  bool reached_ = false;
  std::string remote_;
};

Task<Result<void>> Errand::prepare() {
  Content content(std::move(request_.body), std::move(request_.descriptor), request_.body_bytes,
                  services_.disk);
  Result<ContentFacts> facts = co_await content.scan();
  if (!facts) co_return pass(facts);
  message_ = std::make_shared<const OutgoingMessage>(
      OutgoingMessage{std::move(content), *facts, request_.smtputf8, request_.ret, request_.envid});
  co_return co_await find_hosts();
}

Task<Result<void>> Errand::find_hosts() {
  const NextHop& hop = request_.next_hop;
  if (hop.is_socket()) {
    candidates_.push_back({hop.name, {}});
    co_return Result<void>{};
  }
  Result<IpAddress> address = IpAddress::parse(hop.name);
  if (address) {
    candidates_.push_back({address->str(), {*address, hop.port}});
    co_return Result<void>{};
  }
  Result<std::vector<Candidate>> found = co_await services_.hosts.find(hop);
  if (!found) co_return pass(found);
  candidates_ = std::move(*found);
  co_return Result<void>{};
}

Task<DeliverRemote::Reply> Errand::run() {
  Indices all(request_.recipients.size());
  std::iota(all.begin(), all.end(), 0);
  Result<void> prepared = co_await prepare();
  if (prepared)
    co_await deliver_to(all);
  else
    settle(all, outcome_of(prepared.error()));
  if (connection_) co_await connection_->quit();
  co_return finish();
}

Task<Result<std::unique_ptr<smtp::Wire>>> Errand::connect(Candidate candidate) {
  if (request_.next_hop.is_socket())
    co_return co_await services_.dialer.connect_local(candidate.host);
  co_return co_await services_.dialer.connect(candidate.endpoint, std::nullopt,
                                              options_->connect_timeout);
}

// Opens a connection to the first of the remaining hosts that talks to us; else the last one's
// error.
Task<Result<void>> Errand::reach_next_host() {
  Error last{Failure::transient, "4.4.1 no host answers", "no host answers"};
  while (next_candidate_ < candidates_.size() && services_.clock.steady() < until_) {
    const Candidate candidate = candidates_[next_candidate_++];
    Connection::Setup setup;
    setup.protocol =
        request_.next_hop.kind == NextHop::Kind::lmtp ? Protocol::lmtp : Protocol::smtp;
    setup.helo = options_->helo;
    setup.peer = request_.next_hop.is_socket() ? candidate.host : describe(candidate);
    setup.reply_timeout = options_->reply_timeout;
    remote_ = setup.peer;
    Result<std::unique_ptr<smtp::Wire>> wire = co_await connect(candidate);
    if (!wire) {
      last = std::move(wire.error());
      continue;
    }
    connection_ = std::make_unique<Connection>(std::move(*wire), services_.clock, std::move(setup));
    Result<void> greeted = co_await connection_->greet(until_);
    if (greeted) co_return Result<void>{};
    last = std::move(greeted.error());
    connection_.reset();
  }
  co_return tl::unexpected(std::move(last));
}

Transaction Errand::transaction_for(const Indices& recipients) const {
  Transaction transaction;
  transaction.message = message_;
  transaction.reverse_path = request_.reverse_path;
  for (const std::size_t i : recipients) transaction.recipients.push_back(request_.recipients[i]);
  return transaction;
}

void Errand::settle(const Indices& recipients, const Outcome& outcome) {
  for (const std::size_t i : recipients)
    if (!outcomes_[i]) outcomes_[i] = outcome;
}

Task<> Errand::deliver_to(Indices recipients) {
  while (!recipients.empty()) {
    if (!connection_ || !connection_->can_carry_more()) {
      Result<void> reached = co_await reach_next_host();
      if (!reached) {
        settle(recipients, outcome_of(reached.error()));
        co_return;
      }
    }
    Transaction transaction = transaction_for(recipients);
    TransactionResult result =
        co_await run_transaction(*connection_, std::move(transaction), until_);
    recipients = take_result(recipients, std::move(result));
  }
}

// Those that are to be tried once more.
Indices Errand::take_result(const Indices& tried, TransactionResult result) {
  Indices left;
  for (std::size_t i = 0; i < tried.size(); ++i) {
    if (result.outcomes[i])
      outcomes_[tried[i]] = std::move(result.outcomes[i]);
    else
      left.push_back(tried[i]);
  }
  if (result.end == End::not_begun) {
    connection_.reset();
    if (next_candidate_ < candidates_.size()) return left;
  } else {
    reached_ = true;
    if (result.end == End::answered && left.size() < tried.size()) return left;
  }
  settle(left, result.otherwise);
  return {};
}

DeliverRemote::Reply Errand::finish() {
  DeliverRemote::Reply reply;
  reply.reached = reached_;
  reply.remote = remote_;
  for (std::optional<Outcome>& outcome : outcomes_) reply.outcomes.push_back(std::move(*outcome));
  return reply;
}

}  // namespace

Task<DeliverRemote::Reply> deliver(std::shared_ptr<const Options> options, Services& services,
                                   DeliverRemote request) {
  auto errand = std::make_unique<Errand>(std::move(options), services, std::move(request));
  co_return co_await errand->run();
}

}  // namespace toast::remote
