#include "pop3d/keepers.h"

#include "auth/login_messages.h"
#include "pop3d/listed_maildrop.h"
#include "vdomain/maildir/maildrop_messages.h"

namespace toast::pop3 {

Task<tl::expected<Ticket, LoginRefusal>> AuthdLogins::login(Client client, std::string name,
                                                            Secret password) {
  using Reason = LoginRefusal::Reason;
  auth::Login request;
  request.service = auth::Service::pop3;
  request.login = std::move(name);
  request.password = std::move(password);
  request.peer = std::move(client.address);
  request.connection = std::move(client.connection);
  Result<auth::Login::Reply> reply = co_await authd_.call(std::move(request));
  if (!reply) co_return tl::unexpected(LoginRefusal{Reason::outage, reply.error().detail});
  if (reply->outcome == auth::Login::Outcome::granted) {
    Ticket ticket{std::move(reply->ticket)};
    co_return std::move(ticket);
  }
  if (reply->outcome == auth::Login::Outcome::throttled) {
    std::string detail = "throttled for " + std::to_string(reply->retry_after) + " s";
    co_return tl::unexpected(LoginRefusal{Reason::throttled, std::move(detail)});
  }
  co_return tl::unexpected(LoginRefusal{Reason::wrong, "refused"});
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
