#include "auth/keyd/key_client.h"

#include <asio/steady_timer.hpp>

namespace toast::keyd {
namespace {

constexpr std::chrono::milliseconds kRetryPause{200};
// Longer than any generation lasts: the ticket keys change every hour.
constexpr std::chrono::hours kFollowTime{3};

}  // namespace

void KeyClient::start() {
  spawn(executor_, follow());
  spawn(executor_, give_up_waiting());
}

void KeyClient::when_known(std::function<void()> go) {
  if (known_) return go();
  waiting_.push_back(std::move(go));
}

void KeyClient::know() {
  known_ = true;
  for (const std::function<void()>& go : std::exchange(waiting_, {})) go();
}

Task<> KeyClient::give_up_waiting() {
  co_await asio::post(executor_, asio::use_awaitable);  // until the links are there
  if (!keyd_.connected()) co_return know();
  asio::steady_timer timer(executor_, kFirstPatience);
  auto [ignored] = co_await timer.async_wait(no_throw);
  (void)ignored;
  know();
}

Task<> KeyClient::follow() {
  asio::steady_timer timer(executor_);
  while (true) {
    Result<void> fetched = transient("not connected");
    if (keyd_.connected()) fetched = co_await fetch();
    if (fetched) continue;
    timer.expires_after(kRetryPause);
    auto [failed] = co_await timer.async_wait(no_throw);
    if (failed) co_return;
  }
}

// One generation, whole; waits for it if we have the newest.
Task<Result<void>> KeyClient::fetch() {
  std::vector<tls::ServedCertificate> all;
  GetCertificates request{generation_, 0};
  std::uint64_t generation = 0;
  while (true) {
    Result<GetCertificates::Reply> reply = co_await keyd_.call(request, kFollowTime);
    if (!reply) co_return pass(reply);
    if (request.from > 0 && reply->generation != generation) co_return Result<void>{};  // anew
    generation = reply->generation;
    for (OfferedCertificate& one : reply->page)
      all.push_back({std::move(one.key_id), std::move(one.chain), std::move(one.names)});
    request.from = static_cast<std::uint32_t>(all.size());
    if (all.size() >= reply->total || reply->page.empty()) break;
  }
  Result<void> keys = co_await fetch_ticket_keys();
  if (!keys) co_return keys;
  for (const std::string& refused : server_.use(all))
    log_.error("tls.certificate.unusable", {{"reason", refused}});
  log_.debug("tls.certificates.known", {{"certificates", all.size()}});
  generation_ = generation;
  if (!known_) know();
  co_return Result<void>{};
}

Task<Result<void>> KeyClient::fetch_ticket_keys() {
  GetTicketKeys request;
  Result<GetTicketKeys::Reply> reply = co_await keyd_.call(request);
  if (!reply) co_return pass(reply);
  Result<std::string> bytes =
      read_all(reply->descriptor, kMaxTicketKeys * tls::kTicketSecretBytes, "ticket keys");
  if (!bytes) co_return pass(bytes);
  const Secret together = Secret::take(*bytes);
  std::vector<Secret> keys;
  for (std::size_t at = 0; at < together.size(); at += tls::kTicketSecretBytes)
    keys.emplace_back(together.view().substr(at, tls::kTicketSecretBytes));
  server_.use_ticket_keys(std::move(keys));
  co_return Result<void>{};
}

}  // namespace toast::keyd
