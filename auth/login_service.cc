#include "auth/login_service.h"

#include <algorithm>
#include <asio/this_coro.hpp>
#include <utility>

#include "auth/app_password.h"
#include "auth/login_case.h"
#include "auth/saslprep/saslprep.h"

namespace toast::auth {
namespace {

// Names that do not exist are throttled as accounts are; the prefix keeps the two apart, so that
// inventing names cannot touch the counter of a mailbox.
std::string throttle_name(const FindAccount::Reply& account, const std::string& login) {
  if (account.found) return account.mailbox;
  return lower_case("?" + login);
}

constexpr std::chrono::hours kLongestWaitTold{24};  // to those who are banned for good

VchkpwWord vchkpw_word(LoginResult result, std::string_view reason) {
  if (result == LoginResult::granted) return VchkpwWord::success;
  if (reason == "unknown_account") return VchkpwWord::no_such_user;
  if (reason == "no_password") return VchkpwWord::no_password;
  if (reason == "locked" || reason == "service_off") return VchkpwWord::access_denied;
  return VchkpwWord::wrong_password;
}

}  // namespace

// Leaves the throttle on every way out; one that learnt nothing of the password counts nothing.
class LoginService::Admitted {
 public:
  Admitted(Throttle& throttle, const Throttle::Attempt& attempt)
      : throttle_(throttle), attempt_(attempt) {}
  ~Admitted() {
    if (!ended_) throttle_.end(attempt_, Throttle::Outcome::unknown);
  }
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;
  bool end(Throttle::Outcome outcome) {
    ended_ = true;
    return throttle_.end(attempt_, outcome);
  }

 private:
  Throttle& throttle_;
  Throttle::Attempt attempt_;
  bool ended_ = false;
};

LoginService::LoginService(LoginServices services)
    : services_(services),
      granted_(services.metrics.counter("auth.login.granted")),
      from_cache_(services.metrics.counter("auth.login.cached")),
      refused_(services.metrics.counter("auth.login.refused")),
      throttled_(services.metrics.counter("auth.login.throttled")),
      banned_(services.metrics.counter("auth.login.banned")),
      failed_(services.metrics.counter("auth.login.unavailable")),
      rehashed_(services.metrics.counter("auth.hash.renewed")),
      learnt_(services.metrics.counter("auth.scram.learnt")),
      sealed_(services.metrics.counter("auth.reversible.kept")),
      elsewhere_(services.metrics.counter("auth.program.asked")) {}

Task<Result<Login::Reply>> LoginService::login(std::string front_end, Login request,
                                               std::string authorization) {
  const InHand here(in_hand_);
  Case login;
  login.authorization = std::move(authorization);
  login.front_end = std::move(front_end);
  login.request = std::move(request);
  Secret prepared = saslprep(login.request.password);
  if (!(prepared == login.request.password)) login.typed = std::move(login.request.password);
  login.request.password = std::move(prepared);
  co_return co_await begin(login);
}

Task<Result<Login::Reply>> LoginService::begin(Case& login) {
  Result<IpAddress> peer = IpAddress::parse(login.request.peer);
  if (!peer) {
    Error error{Failure::transient, {}, login.front_end + ": " + peer.error().detail};
    co_return unavailable(login, std::move(error));
  }
  login.peer = *peer;
  if (services_.watch != nullptr)
    if (const Ban* ban = services_.watch->ban_of(login.peer)) co_return refuse_banned(login, *ban);
  co_return co_await decide(login);
}

// Its hash was read before the lock: sessions are ended once, this would begin another.
bool LoginService::was_locked_meanwhile(const Case& login) const {
  return services_.watch != nullptr &&
         services_.watch->was_locked_since(login.account.mailbox, login.began);
}

Task<Result<Login::Reply>> LoginService::decide(Case& login) {
  login.began = services_.clock.steady();
  FindAccount question;
  question.service = login.request.service;
  question.login = login.request.login;
  question.local = login.request.local;
  Result<FindAccount::Reply> account = co_await services_.accounts.find(std::move(question));
  if (!account) co_return unavailable(login, std::move(account.error()));
  login.account = std::move(*account);
  login.counted_as = throttle_name(login.account, login.request.login);

  Throttle::Attempt attempt;
  Throttle::Decision decision = services_.throttle.begin(login.counted_as, login.peer, attempt);
  if (!decision.allowed() && login.account.found) {
    co_await learn_known_addresses(login);
    decision = services_.throttle.begin(login.counted_as, login.peer, attempt);
  }
  if (!decision.allowed()) co_return refuse_for_now(login, decision);
  Admitted admitted(services_.throttle, attempt);

  Result<bool> right = co_await is_right(login);
  if (!right) co_return unavailable(login, std::move(right.error()));
  if (*right && was_locked_meanwhile(login)) {
    login.reason = "locked";
    co_return refuse(login);
  }
  if (*right) {
    admitted.end(Throttle::Outcome::right);
    co_return grant(login);
  }
  if (admitted.end(Throttle::Outcome::wrong))
    services_.log.warning("auth.throttle.began",
                          {{"account", login.counted_as},
                           {"peer", login.request.peer},
                           {"service", service_name(login.request.service)}});
  co_return refuse(login);
}

// After a restart the addresses an owner logs in from are in the last-login table only. Read when a
// login is about to be refused, so that a guess in progress does not lock owners out.
Task<> LoginService::learn_known_addresses(Case& login) {
  std::string mailbox = login.account.mailbox;
  Result<std::vector<LastLogin>> logins =
      co_await services_.credentials.last_logins(std::move(mailbox));
  if (!logins) co_return;  // then the throttle decides from what it knows
  const IpAddress here = accounting_address(login.peer);
  for (const LastLogin& last : *logins) {
    Result<IpAddress> peer = IpAddress::parse(last.peer);
    if (peer && accounting_address(*peer) == here && services_.clock.wall() - last.at < kKnownFor)
      services_.throttle.introduce(login.counted_as, *peer);
  }
}

// The stored hash is read for names that do not exist, too: the same work for everybody.
Task<Result<bool>> LoginService::is_right(Case& login) {
  std::string key = login.account.found ? login.account.mailbox : login.request.login;
  Result<std::optional<Credential>> found = co_await services_.credentials.find(std::move(key));
  if (!found) co_return pass(found);
  if (login.account.found) login.credential = std::move(*found);
  if (has_program(login.account)) co_return co_await is_right_elsewhere(login);
  if (login.proof) co_return is_right_proof(login);
  if (login.digest) co_return co_await is_right_digest(login);
  Result<bool> by_app_password = co_await is_app_password(login);
  if (!by_app_password || *by_app_password) co_return by_app_password;
  login.cached = login.is_open() && is_cached(login);
  Result<bool> right = true;
  if (!login.cached) right = co_await check_password(login);
  if (right && *right) co_await remember(login);
  co_return right;
}

bool LoginService::is_cached(const Case& login) const {
  const auto knows = [&](const Secret& password) {
    return services_.cache.contains(
        services_.cache.key_of(login.account.mailbox, login.credential->hash, password));
  };
  return knows(login.request.password) || (login.typed && knows(*login.typed));
}

// Looked up for names that do not exist, too.
Task<Result<bool>> LoginService::is_app_password(Case& login) {
  std::optional<std::string> hash = app_password_hash(login.request.password);
  if (!hash) co_return false;
  std::string key = login.account.found ? login.account.mailbox : login.request.login;
  Result<std::optional<AppPassword>> found =
      co_await services_.credentials.find_app_password(std::move(key), std::move(*hash));
  if (!found) co_return pass(found);
  if (!*found || !login.is_open_but_for_a_password()) co_return false;
  if ((*found)->state != CredentialState::active) co_return false;
  login.wrong_service = !is_for_service((*found)->services, login.request.service);
  if (login.wrong_service) co_return false;
  login.app_password = std::move((*found)->name);
  co_return true;
}

// Exactly one verification, whether there is something to verify or not; two where SASLprep changes
// what was typed, which whoever typed it may know.
Task<Result<bool>> LoginService::check_password(Case& login) {
  const bool open = login.is_open();
  Secret password = login.request.password.clone();
  Result<bool> right = co_await verify(login, std::move(password));
  if (right && !*right && login.typed) {
    Secret typed = login.typed->clone();
    right = co_await verify(login, std::move(typed));
  }
  if (!right) co_return pass(right);
  if (open && !*right) login.reason = "wrong_password";
  if (login.wrong_service) login.reason = "app_password_service";
  co_return open&&* right;
}

Task<Result<bool>> LoginService::verify(Case& login, Secret password) {
  std::string stored = services_.hashes.hasher().dummy();
  if (login.credential) stored = login.credential->hash;
  const std::string& name = login.account.found ? login.account.mailbox : login.counted_as;
  const Digest digest = services_.cache.key_of(name, stored, password);
  Result<bool> right =
      co_await services_.hashes.verify(digest, std::move(stored), std::move(password));
  if (!right && right.error().failure == Failure::permanent) report_hash(name, right.error());
  if (right && *right && login.is_open()) services_.cache.add(digest);
  co_return right;
}

Result<Login::Reply> LoginService::grant(Case& login) {
  const Grant grant{login.account.mailbox, login.account.maildir, login.account.quota_bytes,
                    login.account.quota_messages, login.request.service};
  const ConnectionId connection{login.front_end, login.request.connection};
  TicketIssuer& issuer = login.request.service == Service::smtp ? services_.submission_tickets
                                                                : services_.mail_tickets;
  Result<std::string> ticket = issuer.issue(grant, connection);
  if (!ticket) {
    Error error{Failure::transient, {}, std::move(ticket.error().detail)};
    return unavailable(login, std::move(error));
  }
  services_.recorder.add({login.account.mailbox, login.request.service, services_.clock.wall(),
                          login.request.peer, login.app_password});
  granted_.add();
  note(login, LoginResult::granted);
  if (login.cached) from_cache_.add();
  unavailable_logged_ = false;
  services_.log.debug("auth.login.granted", {{"account", login.account.mailbox},
                                             {"peer", login.request.peer},
                                             {"service", service_name(login.request.service)},
                                             {"app_password", login.app_password}});
  return Login::Reply{Login::Outcome::granted, std::move(*ticket), login.account.mailbox, 0};
}

Login::Reply LoginService::refuse(Case& login) {
  refused_.add();
  services_.log.info("auth.login.refused", {{"login", login.request.login},
                                            {"peer", login.request.peer},
                                            {"service", service_name(login.request.service)},
                                            {"reason", login.reason}});
  note(login, LoginResult::refused, login.reason);
  return Login::Reply{Login::Outcome::refused, {}, {}, 0};
}

Login::Reply LoginService::refuse_banned(Case& login, const Ban& ban) {
  banned_.add();
  note(login, LoginResult::banned);
  std::chrono::seconds wait = kLongestWaitTold;
  if (ban.until)
    wait = std::min(wait,
                    std::chrono::ceil<std::chrono::seconds>(*ban.until - services_.clock.wall()));
  services_.log.debug("auth.login.banned", {{"login", login.request.login},
                                            {"peer", login.request.peer},
                                            {"service", service_name(login.request.service)},
                                            {"network", ban.network.str()}});
  return Login::Reply{Login::Outcome::throttled, {}, {}, static_cast<std::uint32_t>(wait.count())};
}

void LoginService::note(const Case& login, LoginResult result, std::string_view reason) {
  if (services_.watch == nullptr) return;
  const Login& request = login.request;
  LoginEvent event;
  event.result = result;
  event.service = request.service;
  event.peer = request.peer;
  event.login = request.login;
  if (login.account.found) event.account = login.account.mailbox;
  event.reason = reason;
  event.app_password = login.app_password;
  services_.watch->history.add(std::move(event));
  if (result != LoginResult::granted && result != LoginResult::refused) return;
  services_.watch->vchkpw.login(vchkpw_word(result, reason), request.service, login.method(),
                                request.login, request.peer);
}

Login::Reply LoginService::refuse_for_now(Case& login, const Throttle::Decision& decision) {
  throttled_.add();
  const auto wait = std::chrono::ceil<std::chrono::seconds>(decision.retry_after).count();
  note(login, LoginResult::throttled, name_of(decision.refused_by));
  if (services_.watch != nullptr) services_.watch->hindered(login.counted_as, login.peer, decision);
  services_.log.debug("auth.login.throttled", {{"login", login.request.login},
                                               {"peer", login.request.peer},
                                               {"limit", name_of(decision.refused_by)},
                                               {"retry_after_s", wait}});
  return Login::Reply{Login::Outcome::throttled, {}, {}, static_cast<std::uint32_t>(wait)};
}

// An outage is told in full at its first login, then counted until a login works again. A permanent
// error is one account's unusable hash or one domain's program, reported by name elsewhere; who
// logs in is told to try later.
Result<Login::Reply> LoginService::unavailable(Case& login, Error error) {
  failed_.add();
  const bool is_outage = error.failure == Failure::transient;
  const Severity severity = is_outage && !unavailable_logged_ ? Severity::error : Severity::debug;
  services_.log.write(
      severity, "auth.login.unavailable",
      {{"login", login.request.login}, {"peer", login.request.peer}, {"reason", error.detail}});
  if (is_outage) unavailable_logged_ = true;
  return transient(std::move(error.detail), "4.7.0 try again later");
}

void LoginService::report_hash(const std::string& mailbox, const Error& error) {
  if (reported_hashes_.size() >= kMaxReportedHashes || !reported_hashes_.insert(mailbox).second)
    return;
  services_.log.error("auth.hash.unusable", {{"account", mailbox}, {"reason", error.detail}});
}

}  // namespace toast::auth
