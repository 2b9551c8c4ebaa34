// authd over its real channels: a front end's socket on one side, a keeper of the directory on the
// other, a real database and real argon2 of the least cost.
#include "auth/authd.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "auth/set_password.h"
#include "auth/ticket_keys.h"
#include "base/migrations.h"
#include "schema/embedded.h"
#include "tests/unit/auth/run_task.h"

namespace toast::auth {
namespace {

constexpr HashCost kCheap{8192, 1};

Secret ticket_key() { return Secret(std::string(kTicketKeyBytes, 'k')); }

Task<Result<FindAccount::Reply>> find_account(FindAccount question) {
  FindAccount::Reply reply;
  reply.found = question.login == "ann";
  reply.allowed = reply.found;
  if (reply.found) {
    reply.mailbox = "ann@example.org";
    reply.maildir = "example.org/ann";
  }
  co_return reply;
}

TEST(AuthdOptions, ExemptNetworksReachTheThrottle) {
  const Result<Settings> settings = Settings::parse_or_error(
      {{"me", "mx.example.org\n"}, {"authexemptnetworks", "192.0.2.0/24\n2001:db8::/32\n"}});
  ASSERT_TRUE(settings) << settings.error().detail;
  const std::vector<Network> expected{Network::parse("192.0.2.0/24").value(),
                                      Network::parse("2001:db8::/32").value()};
  EXPECT_EQ(authd_options(*settings).throttle.exempt_networks, expected);
  EXPECT_TRUE(
      authd_options(*Settings::defaults("mx.example.org")).throttle.exempt_networks.empty());
}

// With one repository read on the spot, and with several on threads.
class AuthdTest : public testing::TestWithParam<bool> {
 protected:
  AuthdTest() {
    char pattern[] = "/tmp/toast-authd-XXXXXX";
    directory_ = mkdtemp(pattern);
    Result<sqlite::Connection> db = sqlite::Connection::open(path(), {sqlite::Access::create});
    if (!db || !apply_migrations(*db, schema::sqlite_credentials())) std::abort();
    SqliteCredentials credentials(path(), {});
    const Result<void> set = set_password(credentials, Argon2Hasher(kCheap), "ann@example.org",
                                          Secret("secret"), clock_.wall());
    if (!set) std::abort();

    auto vdomaind = std::make_shared<ipc::Dispatcher>();
    vdomaind->on<FindAccount>(find_account);
    auto [ours, theirs] = connect(nullptr, vdomaind);
    link_.attach(ours);
    vdomaind_ = theirs;

    AuthdOptions options;
    options.database = path();
    if (GetParam())
      options.make_repository = [this] {
        return std::make_unique<SqliteCredentials>(path(), sqlite::OpenOptions{});
      };
    options.ticket_key = ticket_key();
    options.cost = kCheap;
    authd_.emplace(std::move(options), accounts_, clock_, random_, log_, metrics_);
    authd_->start(io_.get_executor());
    front_end_ = connect(nullptr, authd_->dispatcher_for("toast-pop3d.0")).first;
    submission_ = connect(nullptr, authd_->dispatcher_for("toast-smtpd.0")).first;
  }
  ~AuthdTest() override {
    front_end_.reset();
    submission_.reset();
    authd_.reset();
    std::filesystem::remove_all(directory_);
  }
  std::string path() const { return directory_ + "/credentials.db"; }

  using ChannelPair = std::pair<std::shared_ptr<ipc::Channel>, std::shared_ptr<ipc::Channel>>;
  ChannelPair connect(std::shared_ptr<const ipc::Dispatcher> left,
                      std::shared_ptr<const ipc::Dispatcher> right) {
    SocketPair sockets = make_socket_pair().value();
    auto a = ipc::Channel::open(io_.get_executor(), std::move(sockets.left), "right");
    auto b = ipc::Channel::open(io_.get_executor(), std::move(sockets.right), "left");
    a->start(std::move(left), [](const Error&) {});
    b->start(std::move(right), [](const Error&) {});
    kept_.push_back(b);
    return {a, b};
  }
  static SaslStart plain(const std::string& name, const std::string& password) {
    SaslStart start;
    start.service = Service::smtp;
    start.mechanism = "PLAIN";
    start.has_initial = true;
    start.initial = Secret(std::string(1, '\0') + name + std::string(1, '\0') + password);
    start.encrypted = true;
    start.peer = "192.0.2.1";
    start.connection = "c0ffee";
    return start;
  }
  Result<Login::Reply> login(const std::string& name, const std::string& password,
                             Service service = Service::pop3) {
    Login request;
    request.service = service;
    request.login = name;
    request.password = Secret(password);
    request.peer = "192.0.2.1";
    request.connection = "c0ffee";
    return run_task(io_, front_end_->call(std::move(request)));
  }

  std::string directory_;
  SystemClock clock_;
  SystemRandom random_;
  SilentLogger log_;
  Metrics metrics_;
  asio::io_context io_;
  ipc::Link link_{"toast-vdomaind"};
  IpcAccountDirectory accounts_{link_};
  std::shared_ptr<ipc::Channel> vdomaind_;
  std::vector<std::shared_ptr<ipc::Channel>> kept_;
  std::optional<Authd> authd_;
  std::shared_ptr<ipc::Channel> front_end_;
  std::shared_ptr<ipc::Channel> submission_;
};

TEST_P(AuthdTest, GrantsRefusesAndWritesTheLastLogin) {
  TicketVerifier verifier(ticket_key_for(TicketUse::mailbox, ticket_key()), clock_);
  for (int i = 0; i < 3; ++i) {
    const Result<Login::Reply> good = login("ann", "secret");
    ASSERT_TRUE(good) << good.error().detail;
    ASSERT_EQ(good->outcome, Login::Outcome::granted);
    const Result<Grant> grant =
        verifier.redeem(good->ticket, Service::pop3, {"toast-pop3d.0", "c0ffee"});
    // Authd was made before the verifier: the first ticket was issued after it all the same.
    ASSERT_TRUE(grant) << grant.error().detail;
    EXPECT_EQ(grant->mailbox, "ann@example.org");
  }
  EXPECT_EQ(login("ann", "guess")->outcome, Login::Outcome::refused);
  EXPECT_EQ(login("nobody", "secret")->outcome, Login::Outcome::refused);
  EXPECT_EQ(metrics_.counter("auth.login.cached").value(), 2U);
  run_task(io_, authd_->drain());
  SqliteCredentials credentials(path(), {});
  EXPECT_EQ(credentials.last_logins("ann@example.org")->size(), 1U);
}

TEST_P(AuthdTest, ADeadDirectoryIsLaterNotWrong) {
  vdomaind_->close("test");
  run_ready(io_);
  const Result<Login::Reply> reply = login("ann", "secret");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, Failure::transient);
}

TEST_P(AuthdTest, ADeadDatabaseIsLaterNotWrongAndComesBack) {
  std::filesystem::rename(path(), path() + ".away");
  const Result<Login::Reply> reply = login("ann", "secret");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().failure, Failure::transient);
  std::filesystem::rename(path() + ".away", path());
  EXPECT_EQ(login("ann", "secret")->outcome, Login::Outcome::granted);
}

TEST_P(AuthdTest, AFrontEndLogsInToItsOwnServiceOnly) {
  EXPECT_FALSE(login("ann", "secret", Service::smtp));
  EXPECT_EQ(authd_->dispatcher_for("toast-remoted"), nullptr);
  EXPECT_EQ(authd_->dispatcher_for(""), nullptr);
}

// The keeper of the mail takes no ticket for submission, and the queue none for a mailbox: each has
// a key of its own.
TEST_P(AuthdTest, SaslBuysATicketForTheFrontEndsServiceAndItsTakerAlone) {
  const Secret root = ticket_key();
  TicketVerifier maild(ticket_key_for(TicketUse::mailbox, root), clock_);
  TicketVerifier queued(ticket_key_for(TicketUse::submission, root), clock_);
  const Result<SaslReply> reply = run_task(io_, submission_->call(plain("ann", "secret")));
  ASSERT_TRUE(reply) << reply.error().detail;
  ASSERT_EQ(reply->outcome, SaslReply::Outcome::granted);
  EXPECT_EQ(reply->mailbox, "ann@example.org");
  const ConnectionId connection{"toast-smtpd.0", "c0ffee"};
  EXPECT_FALSE(maild.redeem(reply->ticket, Service::smtp, connection));
  EXPECT_FALSE(queued.redeem(reply->ticket, Service::smtp, {"toast-smtpd.1", "c0ffee"}));
  const Result<Grant> grant = queued.redeem(reply->ticket, Service::smtp, connection);
  ASSERT_TRUE(grant) << grant.error().detail;
  EXPECT_EQ(grant->mailbox, "ann@example.org");
  const Result<Login::Reply> mail = login("ann", "secret");
  EXPECT_FALSE(queued.redeem(mail->ticket, Service::pop3, {"toast-pop3d.0", "c0ffee"}));
  EXPECT_FALSE(run_task(io_, front_end_->call(plain("ann", "secret"))));  // a ticket for smtp
}

TEST_P(AuthdTest, AnExchangeIsOfTheChannelItWasBegunOn) {
  SaslStart start;
  start.service = Service::smtp;
  start.mechanism = "LOGIN";
  start.peer = "192.0.2.1";
  start.connection = "c0ffee";
  const Result<SaslReply> asked = run_task(io_, submission_->call(std::move(start)));
  ASSERT_TRUE(asked) << asked.error().detail;
  ASSERT_EQ(asked->outcome, SaslReply::Outcome::challenge);
  EXPECT_FALSE(run_task(io_, front_end_->call(SaslStep{asked->exchange, Secret("ann")})));
  const Result<SaslReply> again =
      run_task(io_, submission_->call(SaslStep{asked->exchange, Secret("ann")}));
  ASSERT_TRUE(again) << again.error().detail;
  EXPECT_EQ(again->challenge, "Password:");
  EXPECT_TRUE(run_task(io_, submission_->call(SaslCancel{again->exchange})));
  EXPECT_FALSE(run_task(io_, submission_->call(SaslStep{again->exchange, Secret("secret")})));
}

TEST_P(AuthdTest, NewSettingsApplyAndWeakHashesAreRenewed) {
  AuthdOptions options;
  options.cost = HashCost{16384, 2};
  options.cache_time_to_live = std::chrono::seconds{0};
  authd_->reconfigure(options);
  EXPECT_EQ(login("ann", "secret")->outcome, Login::Outcome::granted);
  run_task(io_, authd_->drain());
  SqliteCredentials credentials(path(), {});
  const std::string stored = credentials.find("ann@example.org").value()->hash;
  EXPECT_EQ(parse_stored_hash(stored).value().cost, options.cost);
  EXPECT_EQ(login("ann", "secret")->outcome, Login::Outcome::granted);
  EXPECT_EQ(metrics_.counter("auth.login.cached").value(), 0U);
}

INSTANTIATE_TEST_SUITE_P(OnThreads, AuthdTest, testing::Bool());

}  // namespace
}  // namespace toast::auth
