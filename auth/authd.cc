#include "auth/authd.h"

#include <unistd.h>

#include <algorithm>
#include <asio/this_coro.hpp>
#include <thread>
#include <utility>

#include "auth/checkpassword_messages.h"
#include "auth/migrating_hasher.h"
#include "auth/sealing_key.h"
#include "auth/session_messages.h"
#include "auth/ticket_keys.h"
#include "base/settings_registry.h"

namespace toast::auth {
namespace {

constexpr std::chrono::milliseconds kDrainStep{10};
constexpr const char* kChecker = "toast-checkpassword";

// A message handler that knows which channel it serves. A front end logs people in to its own
// service only.
struct AnswerLogin {
  LoginService& logins;
  std::string front_end;
  Service service;
  Task<Result<Login::Reply>> operator()(Login request) {
    if (request.service != service)
      co_return permanent(front_end + " asked for a ticket for " +
                          std::string(service_name(request.service)));
    co_return co_await logins.login(front_end, std::move(request));
  }
};

struct AnswerApop {
  LoginService& logins;
  std::string front_end;
  Task<Result<Login::Reply>> operator()(ApopLogin request) {
    std::optional<std::string> digest = md5_digits(request.digest);
    if (!digest) co_return permanent(front_end + " sent a digest that is none");
    Login login;
    login.service = Service::pop3;
    login.login = std::move(request.login);
    login.peer = std::move(request.peer);
    login.connection = std::move(request.connection);
    login.local = std::move(request.local);
    Md5Proof proof{Md5Proof::By::apop, std::move(request.stamp), std::move(*digest)};
    co_return co_await logins.login_by_digest(front_end, std::move(login), std::move(proof));
  }
};

struct AnswerSaslStart {
  std::shared_ptr<SaslExchanges> exchanges;
  Task<Result<SaslReply>> operator()(SaslStart request) {
    co_return co_await exchanges->start(std::move(request));
  }
};

struct AnswerSaslStep {
  std::shared_ptr<SaslExchanges> exchanges;
  Task<Result<SaslReply>> operator()(SaslStep request) {
    co_return co_await exchanges->step(std::move(request));
  }
};

struct AnswerSaslCancel {
  std::shared_ptr<SaslExchanges> exchanges;
  Task<Result<ipc::Done>> operator()(SaslCancel request) {
    exchanges->cancel(request.exchange);
    co_return ipc::Done{};
  }
};

// A login without a front end: no ticket leaves, but where the mail is.
struct AnswerCheckLogin {
  LoginService& logins;
  AccountDirectory& accounts;
  Task<Result<CheckLogin::Reply>> operator()(CheckLogin request) {
    Login login;
    login.service = request.service;
    login.login = std::move(request.login);
    login.password = std::move(request.password);
    login.peer = std::move(request.peer);
    std::string front_end = kChecker;
    Result<Login::Reply> reply = co_await logins.login(std::move(front_end), std::move(login));
    if (!reply) co_return pass(reply);
    CheckLogin::Reply answer;
    answer.outcome = reply->outcome;
    if (answer.outcome != Login::Outcome::granted) co_return answer;
    FindAccount question{request.service, reply->mailbox};
    Result<FindAccount::Reply> account = co_await accounts.find(std::move(question));
    if (!account) co_return pass(account);
    if (!account->found) co_return transient(reply->mailbox + " was deleted meanwhile");
    answer.mailbox = std::move(account->mailbox);
    answer.maildir = std::move(account->maildir);
    answer.quota_bytes = account->quota_bytes;
    answer.quota_messages = account->quota_messages;
    co_return answer;
  }
};

// What a front end logs people in to; none: not a front end.
std::optional<Service> service_of(const std::string& peer) {
  if (peer.starts_with("toast-pop3d.")) return Service::pop3;
  if (peer.starts_with("toast-smtpd.")) return Service::smtp;
  return std::nullopt;
}

// The values of authscram and authcram.
MechanismUse use_of(std::string_view text) {
  if (text == "learn") return MechanismUse::learn;
  return text == "yes" ? MechanismUse::offer : MechanismUse::none;
}

std::unique_ptr<CredentialsRepository> make_writing(const AuthdOptions& options) {
  if (options.make_repository) return options.make_repository();
  return std::make_unique<SqliteCredentials>(
      options.database, sqlite::OpenOptions{sqlite::Access::write, kWritePatience});
}

std::unique_ptr<CredentialsRepository> make_reading(const AuthdOptions& options) {
  if (options.make_repository) return nullptr;
  return std::make_unique<SqliteCredentials>(
      options.database, sqlite::OpenOptions{sqlite::Access::read, kReadPatience});
}

std::unique_ptr<CredentialsReader> make_reader(const AuthdOptions& options,
                                               CredentialsRepository* reading) {
  if (reading != nullptr) return std::make_unique<InlineCredentialsReader>(*reading);
  std::vector<std::unique_ptr<CredentialsRepository>> repositories;
  for (std::size_t i = 0; i < kCredentialsThreads; ++i)
    repositories.push_back(options.make_repository());
  return std::make_unique<PooledCredentialsReader>(std::move(repositories));
}

}  // namespace

AuthdOptions authd_options(const Settings& settings) {
  AuthdOptions options;
  options.cost.passes = static_cast<std::uint64_t>(settings.get(setting::passwordopslimit));
  options.cost.memory_bytes = settings.get(setting::passwordmemlimit);
  options.renew_imported = settings.get(setting::passwordrehash);
  const auto threads = static_cast<std::size_t>(settings.get(setting::passwordhashers));
  const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
  options.pool.threads = threads == 0 ? cores : threads;
  options.cache_time_to_live = settings.get(setting::passwordcacheseconds);
  // One limit for an account. An address has many accounts behind it, and gets twice as much.
  const auto limit = static_cast<double>(settings.get(setting::authfailureslimit));
  const std::chrono::seconds window = settings.get(setting::authfailureseconds);
  for (ThrottleRule* rule :
       {&options.throttle.address, &options.throttle.account, &options.throttle.known}) {
    rule->free_failures = limit;
    rule->half_life = window;
  }
  options.throttle.address.free_failures = 2 * limit;
  options.scram = use_of(settings.get(setting::authscram));
  options.cram = use_of(settings.get(setting::authcram));
  options.default_domain = settings.get(setting::me);
  options.throttle.exempt_networks = settings.get(setting::authexemptnetworks);
  options.login_domain = settings.get(setting::logindomain);
  options.vchkpw_log = settings.get(setting::vchkpwlog);
  return options;
}

Authd::Authd(AuthdOptions options, AccountDirectory& accounts, const Clock& clock, Random& random,
             Logger& log, Metrics& metrics)
    : accounts_(accounts),
      clock_(clock),
      random_(random),
      log_(log),
      reading_(make_reading(options)),
      writing_(make_writing(options)),
      reader_(make_reader(options, reading_.get())),
      writer_(*writing_),
      recorder_(writer_, log, metrics),
      hashes_(std::make_shared<const MigratingHasher>(options.cost, options.renew_imported),
              options.pool),
      cache_(clock, random, options.cache_time_to_live),
      throttle_(options.throttle, clock, random),
      mail_tickets_(ticket_key_for(TicketUse::mailbox, options.ticket_key), clock),
      submission_tickets_(ticket_key_for(TicketUse::submission, options.ticket_key), clock),
      watch_(clock, VchkpwLog::to_standard_error()),
      desk_({watch_, throttle_, clock, log}, options.desk_directory),
      logins_({accounts, *reader_, writer_, recorder_, hashes_, cache_, throttle_, mail_tickets_,
               submission_tickets_, clock, random, log, metrics, &watch_, options.programs}),
      desk_directory_(options.desk_directory),
      cram_(options.cram) {
  desk_.set_exempt(options.throttle.exempt_networks);
  watch_.vchkpw.use(options.vchkpw_log, options.login_domain);
  logins_.use_scram(options.scram, std::move(options.default_domain));
}

Result<void> Authd::load() {
  if (Result<void> loaded = desk_.load(); !loaded) return loaded;
  AuthdOptions options;
  options.cram = cram_;
  if (Result<void> ready = prepare(options); !ready) return ready;
  logins_.use_reversible(cram_, reversible_);
  return {};
}

Result<void> Authd::prepare(const AuthdOptions& options) {
  if (options.cram == MechanismUse::none || reversible_) return {};
  Result<Secret> key = Secret::random(random_, kSealingKeyBytes);
  if (!desk_directory_.empty()) key = sealing_key(desk_directory_ + "/" + kSealingKeyFile, random_);
  if (!key) return pass(key);
  reversible_ = std::make_shared<const ReversibleMeans>(PasswordSealer(std::move(*key), random_));
  return {};
}

void Authd::start(const asio::any_io_executor& executor) {
  // Nobody else uses either yet.
  CredentialsRepository& store = reading_ ? *reading_ : *writing_;
  Result<std::optional<Credential>> probe = store.find("");
  if (!probe) log_.error("auth.database.unusable", {{"reason", probe.error().detail}});
  spawn(executor, work_periodically());
}

void Authd::sweep_exchanges() {
  std::erase_if(exchanges_, [](const auto& one) { return one.expired(); });
  for (const std::weak_ptr<SaslExchanges>& one : exchanges_)
    if (const std::shared_ptr<SaslExchanges> alive = one.lock()) alive->sweep();
}

Task<> Authd::work_periodically() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    timer.expires_after(kRecordLoginsEvery);
    auto [failed] = co_await timer.async_wait(no_throw);
    if (failed) co_return;
    sweep_exchanges();
    co_await recorder_.flush();
    co_await desk_.save();
  }
}

std::shared_ptr<const ipc::Dispatcher> Authd::dispatcher_for(const std::string& peer) {
  const std::optional<Service> service = service_of(peer);
  if (!service) return nullptr;
  const SaslServices services{logins_, clock_, random_, log_};
  auto exchanges = std::make_shared<SaslExchanges>(services, peer, *service);
  exchanges_.push_back(exchanges);
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<Login>(AnswerLogin{logins_, peer, *service});
  if (*service == Service::pop3) dispatcher->on<ApopLogin>(AnswerApop{logins_, peer});
  dispatcher->on<SaslStart>(AnswerSaslStart{exchanges});
  dispatcher->on<SaslStep>(AnswerSaslStep{exchanges});
  if (*service == Service::smtp)
    dispatcher->on_notice<SawForeignSender>([this](const SawForeignSender& seen) {
      watch_.foreign_senders.add(seen.login, seen.place, seen.address, seen.refused);
    });
  dispatcher->on<SaslCancel>(AnswerSaslCancel{exchanges});
  return dispatcher;
}

std::optional<PeerSocket::Guest> Authd::desk_guest(uid_t uid, uid_t owner) {
  if (uid != 0 && uid != owner && uid != ::geteuid()) {
    log_.warning("auth.desk.refused", {{"uid", std::uint64_t{uid}}});
    return std::nullopt;
  }
  if (*desk_guests_ >= kMaxDeskGuests) return std::nullopt;
  ++*desk_guests_;
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  desk_.serve(*dispatcher);
  return PeerSocket::Guest{"toastctl", std::move(dispatcher), [count = desk_guests_] { --*count; }};
}

std::optional<PeerSocket::Guest> Authd::checkpassword_guest(uid_t uid, uid_t owner) {
  if (uid != 0 && uid != owner && uid != ::geteuid()) {
    log_.warning("auth.checkpassword.refused", {{"uid", std::uint64_t{uid}}});
    return std::nullopt;
  }
  if (*checkers_ >= kMaxCheckers) return std::nullopt;
  ++*checkers_;
  auto dispatcher = std::make_shared<ipc::Dispatcher>();
  dispatcher->on<CheckLogin>(AnswerCheckLogin{logins_, accounts_});
  return PeerSocket::Guest{kChecker, std::move(dispatcher), [count = checkers_] { --*count; }};
}

void Authd::reconfigure(const AuthdOptions& options) {
  hashes_.use(std::make_shared<const MigratingHasher>(options.cost, options.renew_imported));
  cache_.set_time_to_live(options.cache_time_to_live);
  throttle_.set_options(options.throttle);
  desk_.set_exempt(options.throttle.exempt_networks);
  watch_.vchkpw.use(options.vchkpw_log, options.login_domain);
  logins_.use_scram(options.scram, options.default_domain);
  if (options.cram == MechanismUse::none) reversible_.reset();
  logins_.use_reversible(options.cram, reversible_);
}

Task<> Authd::drain() {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (logins_.in_hand() > 0 || recorder_.is_flushing() || desk_.is_saving()) {
    timer.expires_after(kDrainStep);
    co_await timer.async_wait(no_throw);
  }
  co_await recorder_.flush();
  co_await desk_.save(true);
}

}  // namespace toast::auth
