#include "pop3d/keepers.h"

#include "auth/login_messages.h"
#include "auth/sasl_messages.h"
#include "pop3d/listed_maildrop.h"
#include "vdomain/maildir/maildrop_messages.h"

namespace toast::pop3 {
namespace {

using Refused = LoginRefusal::Reason;

LoginRefusal throttled_for(std::uint32_t seconds) {
  return {Refused::throttled, "throttled for " + std::to_string(seconds) + " s"};
}

tl::expected<SaslAnswer, LoginRefusal> answer_of(Result<auth::SaslReply> reply) {
  using Outcome = auth::SaslReply::Outcome;
  if (!reply) return tl::unexpected(LoginRefusal{Refused::outage, reply.error().detail});
  switch (reply->outcome) {
    case Outcome::challenge:
      return SaslChallenge{reply->exchange, std::move(reply->challenge)};
    case Outcome::granted:
      return SaslGrant{Ticket{std::move(reply->ticket), reply->mailbox}, std::move(reply->mailbox)};
    case Outcome::refused:
      return tl::unexpected(LoginRefusal{Refused::wrong, "refused"});
    case Outcome::throttled:
      return tl::unexpected(throttled_for(reply->retry_after));
    case Outcome::malformed:
      return tl::unexpected(LoginRefusal{Refused::malformed, "malformed"});
    case Outcome::unsupported:
      break;
  }
  return tl::unexpected(LoginRefusal{Refused::unsupported, "no such mechanism"});
}

tl::expected<Ticket, LoginRefusal> ticket_of(Result<auth::Login::Reply> reply) {
  using Outcome = auth::Login::Outcome;
  if (!reply) return tl::unexpected(LoginRefusal{Refused::outage, reply.error().detail});
  if (reply->outcome == Outcome::granted)
    return Ticket{std::move(reply->ticket), std::move(reply->mailbox)};
  if (reply->outcome == Outcome::throttled)
    return tl::unexpected(throttled_for(reply->retry_after));
  return tl::unexpected(LoginRefusal{Refused::wrong, "refused"});
}

}  // namespace

Task<tl::expected<Ticket, LoginRefusal>> AuthdLogins::login(Client client, std::string name,
                                                            Secret password) {
  auth::Login request;
  request.service = auth::Service::pop3;
  request.login = std::move(name);
  request.password = std::move(password);
  request.peer = std::move(client.address);
  request.connection = std::move(client.connection);
  request.local = std::move(client.local);
  Result<auth::Login::Reply> reply = co_await authd_.call(std::move(request));
  co_return ticket_of(std::move(reply));
}

Task<tl::expected<Ticket, LoginRefusal>> AuthdLogins::apop(Client client, Apop given,
                                                           std::string stamp) {
  auth::ApopLogin request;
  request.login = std::move(given.name);
  request.stamp = std::move(stamp);
  request.digest = std::move(given.digest);
  request.peer = std::move(client.address);
  request.connection = std::move(client.connection);
  request.local = std::move(client.local);
  Result<auth::Login::Reply> reply = co_await authd_.call(std::move(request));
  co_return ticket_of(std::move(reply));
}

Task<tl::expected<SaslAnswer, LoginRefusal>> AuthdLogins::sasl_begin(Client client,
                                                                     SaslOpening opening) {
  auth::SaslStart request;
  request.service = auth::Service::pop3;
  request.mechanism = std::move(opening.mechanism);
  request.has_initial = opening.initial.has_value();
  if (opening.initial) request.initial = std::move(*opening.initial);
  request.encrypted = opening.encrypted;
  request.channel_binding = std::move(opening.channel_binding);
  request.peer = std::move(client.address);
  request.connection = std::move(client.connection);
  request.local = std::move(client.local);
  Result<auth::SaslReply> reply = co_await authd_.call(std::move(request));
  co_return answer_of(std::move(reply));
}

Task<tl::expected<SaslAnswer, LoginRefusal>> AuthdLogins::sasl_step(std::uint64_t exchange,
                                                                    Secret response) {
  auth::SaslStep request{exchange, std::move(response)};
  Result<auth::SaslReply> reply = co_await authd_.call(std::move(request));
  co_return answer_of(std::move(reply));
}

// Whether it was heard does not matter: authd forgets the exchange by itself.
Task<> AuthdLogins::sasl_cancel(std::uint64_t exchange) {
  auth::SaslCancel request{exchange};
  Result<ipc::Done> heard = co_await authd_.call(std::move(request));
  std::ignore = heard;
}

Task<Result<std::unique_ptr<Maildrop>>> MaildMaildrops::open(Client client, Ticket ticket) {
  std::shared_ptr<ipc::Channel> maild = maild_.channel();
  if (!maild || !maild->is_open()) co_return transient(maild_.keeper() + " is not running");
  maildir::OpenMaildrop request;
  request.ticket = std::move(ticket.bytes);
  request.connection = std::move(client.connection);
  Result<maildir::OpenMaildrop::Reply> opened = co_await maild->call(std::move(request));
  if (!opened) co_return pass(opened);
  MaildSession session(std::move(maild), opened->session);
  Result<maildir::Listing> listing = maildir::Listing::open(std::move(opened->descriptor));
  if (!listing) co_return pass(listing);
  std::unique_ptr<Maildrop> maildrop =
      std::make_unique<ListedMaildrop>(std::move(session), std::move(*listing));
  co_return std::move(maildrop);
}

Task<> TimerPause::wait(std::chrono::milliseconds duration) {
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  auto [error] = co_await timer.async_wait(no_throw);
  std::ignore = error;
}

}  // namespace toast::pop3
