#include "auth/sasl_exchanges.h"

#include <utility>

#include "auth/sasl/mechanisms.h"
#include "auth/stamp.h"
#include "base/base64.h"

namespace toast::auth {
namespace {

constexpr std::size_t kNonceBytes = 18;  // 24 characters, 144 bits

SaslReply outcome(SaslReply::Outcome what) {
  SaslReply reply;
  reply.outcome = what;
  return reply;
}

SaslReply sasl_reply(Login::Reply login) {
  SaslReply reply;
  switch (login.outcome) {
    case Login::Outcome::granted:
      reply.outcome = SaslReply::Outcome::granted;
      break;
    case Login::Outcome::refused:
      reply.outcome = SaslReply::Outcome::refused;
      break;
    case Login::Outcome::throttled:
      reply.outcome = SaslReply::Outcome::throttled;
      break;
  }
  reply.ticket = std::move(login.ticket);
  reply.mailbox = std::move(login.mailbox);
  reply.retry_after = login.retry_after;
  return reply;
}

}  // namespace

Task<Result<SaslReply>> SaslExchanges::start(SaslStart request) {
  if (request.service != service_)
    co_return permanent(front_end_ + " asked for a ticket for " +
                        std::string(service_name(request.service)));
  sweep();
  if (const auto before = by_connection_.find(request.connection); before != by_connection_.end())
    cancel(before->second);
  Exchange exchange;
  sasl::MechanismContext context;
  context.offer = {services_.logins.scram_use() == MechanismUse::offer,
                   services_.logins.offers_cram()};
  context.binding = std::move(request.channel_binding);
  if (context.offer.scram) context.nonce = base64_encode(services_.random.bytes(kNonceBytes));
  if (context.offer.cram)
    context.challenge = make_stamp(services_.random, services_.logins.default_domain());
  exchange.mechanism = sasl::make_mechanism(request.mechanism, std::move(context));
  if (!exchange.mechanism) co_return outcome(SaslReply::Outcome::unsupported);
  exchange.peer = std::move(request.peer);
  exchange.connection = std::move(request.connection);
  exchange.local = std::move(request.local);
  sasl::Step step = request.has_initial ? exchange.mechanism->hear(request.initial.view())
                                        : exchange.mechanism->begin();
  co_return co_await follow(std::move(exchange), std::move(step));
}

Task<Result<SaslReply>> SaslExchanges::step(SaslStep request) {
  sweep();
  auto found = waiting_.find(request.exchange);
  if (found == waiting_.end())
    co_return transient(front_end_ + ": the login was not finished in time",
                        "4.7.0 try again later");
  Exchange exchange = take(found);
  if (exchange.accepted) {
    if (!request.response.empty())
      co_return broken(exchange, SaslReply::Outcome::malformed, "a message after the last");
    co_return std::move(*exchange.accepted);
  }
  sasl::Step next = exchange.mechanism->hear(request.response.view());
  co_return co_await follow(std::move(exchange), std::move(next));
}

SaslExchanges::Exchange SaslExchanges::take(Waiting::iterator found) {
  Exchange exchange = std::move(found->second);
  by_connection_.erase(exchange.connection);
  waiting_.erase(found);
  return exchange;
}

void SaslExchanges::cancel(std::uint64_t exchange) {
  if (auto found = waiting_.find(exchange); found != waiting_.end()) take(found);
}

void SaslExchanges::sweep() {
  while (!waiting_.empty() &&
         services_.clock.steady() - waiting_.begin()->second.since >= kSaslPatience)
    take(waiting_.begin());
}

Task<Result<SaslReply>> SaslExchanges::follow(Exchange exchange, sasl::Step step) {
  if (auto* challenge = std::get_if<sasl::Challenge>(&step))
    co_return wait_for_client(std::move(exchange), std::move(challenge->text));
  if (auto* question = std::get_if<sasl::CheckPassword>(&step))
    co_return co_await check(std::move(exchange), std::move(*question));
  if (auto* question = std::get_if<sasl::FindVerifier>(&step))
    co_return co_await find_verifier(std::move(exchange), std::move(question->login));
  if (auto* proof = std::get_if<sasl::CheckProof>(&step))
    co_return co_await check_proof(std::move(exchange), std::move(*proof));
  if (auto* question = std::get_if<sasl::CheckDigest>(&step))
    co_return co_await check_digest(std::move(exchange), std::move(*question));
  if (const auto* refused = std::get_if<sasl::Refused>(&step))
    co_return broken(exchange, SaslReply::Outcome::refused, refused->reason);
  co_return broken(exchange, SaslReply::Outcome::malformed, std::get<sasl::Malformed>(step).reason);
}

SaslReply SaslExchanges::broken(const Exchange& exchange, SaslReply::Outcome what,
                                std::string_view reason) {
  services_.log.info(
      "auth.sasl.malformed",
      {{"peer", exchange.peer}, {"service", service_name(service_)}, {"reason", reason}});
  return outcome(what);
}

Task<Result<SaslReply>> SaslExchanges::find_verifier(Exchange exchange, std::string login) {
  Result<ScramAccount> account =
      co_await services_.logins.scram_account(service_, std::move(login), exchange.local);
  if (!account) co_return pass(account);
  exchange.stored = std::move(account->stored);
  sasl::Step next = exchange.mechanism->found(std::move(account->verifier));
  co_return co_await follow(std::move(exchange), std::move(next));
}

Login SaslExchanges::request_of(const Exchange& exchange, std::string login) const {
  Login request;
  request.service = service_;
  request.login = std::move(login);
  request.peer = exchange.peer;
  request.connection = exchange.connection;
  request.local = exchange.local;
  return request;
}

Task<Result<SaslReply>> SaslExchanges::check_digest(Exchange exchange, sasl::CheckDigest question) {
  Login request = request_of(exchange, std::move(question.login));
  std::string front_end = front_end_;
  Result<Login::Reply> reply = co_await services_.logins.login_by_digest(
      std::move(front_end), std::move(request), std::move(question.proof));
  if (!reply) co_return pass(reply);
  co_return sasl_reply(std::move(*reply));
}

// The ticket waits for the client's empty message, well within its life.
Task<Result<SaslReply>> SaslExchanges::check_proof(Exchange exchange, sasl::CheckProof proof) {
  Login request = request_of(exchange, std::move(proof.login));
  std::string front_end = front_end_;
  ScramProof proved{proof.right, exchange.stored};
  Result<Login::Reply> reply = co_await services_.logins.login_by_proof(
      std::move(front_end), std::move(request), std::move(proof.authorization), std::move(proved));
  if (!reply) co_return pass(reply);
  SaslReply answer = sasl_reply(std::move(*reply));
  if (answer.outcome != SaslReply::Outcome::granted) co_return answer;
  exchange.accepted = std::move(answer);
  co_return wait_for_client(std::move(exchange), std::move(proof.server_final));
}

Result<SaslReply> SaslExchanges::wait_for_client(Exchange exchange, std::string challenge) {
  if (waiting_.size() >= kMaxSaslExchanges)
    return transient(
        front_end_ + ": " + std::to_string(waiting_.size()) + " logins wait for their clients",
        "4.7.0 try again later");
  SaslReply reply = outcome(SaslReply::Outcome::challenge);
  reply.exchange = next_++;
  reply.challenge = std::move(challenge);
  exchange.since = services_.clock.steady();
  by_connection_[exchange.connection] = reply.exchange;
  waiting_.emplace(reply.exchange, std::move(exchange));
  return reply;
}

Task<Result<SaslReply>> SaslExchanges::check(Exchange exchange, sasl::CheckPassword question) {
  Login request = request_of(exchange, std::move(question.login));
  request.password = std::move(question.password);
  std::string front_end = front_end_;
  Result<Login::Reply> reply = co_await services_.logins.login(
      std::move(front_end), std::move(request), std::move(question.authorization));
  if (!reply) co_return pass(reply);
  co_return sasl_reply(std::move(*reply));
}

}  // namespace toast::auth
