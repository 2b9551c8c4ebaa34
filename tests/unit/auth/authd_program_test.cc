// The program toast-authd itself, with its sandbox entered: this test is its toastd, its front end
// and its keeper of the directory. What the sandbox would forbid (threads for argon2, opening the
// database anew after an outage, writing last logins) shows here and nowhere else.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "auth/account_messages.h"
#include "auth/login_messages.h"
#include "auth/password_hash.h"
#include "auth/set_password.h"
#include "auth/sqlite/credentials.h"
#include "auth/ticket_keys.h"
#include "base/control_messages.h"
#include "base/migrations.h"
#include "schema/embedded.h"
#include "tests/unit/auth/run_task.h"

namespace toast::auth {
namespace {

const std::string kTicketKey(kTicketKeyBytes, 'k');

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

class AuthdProgram : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/toast-authd-program-XXXXXX";
    root_ = mkdtemp(pattern);
    std::filesystem::create_directory(root_ + "/db-auth");
    {
      Result<sqlite::Connection> db =
          sqlite::Connection::open(database(), {sqlite::Access::create});
      ASSERT_TRUE(db) << db.error().detail;
      ASSERT_TRUE(apply_migrations(*db, schema::sqlite_credentials()));
    }
    SqliteCredentials credentials(database(), {});
    ASSERT_TRUE(set_password(credentials, Argon2Hasher({}), "ann@example.org", Secret("secret"),
                             SystemClock().wall()));
    start_program();
    ASSERT_NO_FATAL_FAILURE(become_its_parent());
  }
  void TearDown() override {
    for (const auto& channel : channels_) channel->close("test is over");
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    std::filesystem::remove_all(root_);
  }
  std::string database() const { return root_ + "/db-auth/credentials.db"; }

  void start_program() {
    SocketPair control = make_socket_pair().value();
    const int theirs = control.right.get();
    child_ = fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      if (theirs == control::kControlDescriptor ? fcntl(theirs, F_SETFD, 0) != 0
                                                : dup2(theirs, control::kControlDescriptor) < 0)
        _exit(126);
      execl(TOAST_AUTHD, "toast-authd", static_cast<char*>(nullptr));
      _exit(127);
    }
    control_ = open_channel(std::move(control.left), nullptr);
  }
  std::shared_ptr<ipc::Channel> open_channel(Fd socket,
                                             std::shared_ptr<const ipc::Dispatcher> answers) {
    auto channel = ipc::Channel::open(io_.get_executor(), std::move(socket), "toast-authd");
    channel->start(std::move(answers), [](const Error&) {});
    channels_.push_back(channel);
    return channel;
  }
  // Hands the program one end of a new pair; the result is the other.
  Fd give(control::SocketRole role, const std::string& name) {
    SocketPair pair = make_socket_pair().value();
    control::GiveSocket given;
    given.role = role;
    given.name = name;
    given.descriptor = std::move(pair.right);
    gifts_.emplace_back(io_, control_->call(std::move(given)));
    return std::move(pair.left);
  }
  void become_its_parent() {
    control::Startup startup;
    startup.program = "toast-authd";
    startup.root = root_;
    startup.unprivileged = true;
    startup.boot_id = "test";
    startup.ticket_key = Secret(kTicketKey);
    startup.sockets = 2;
    startup.settings = {{"me", "mx.example.org\n"}, {"passwordmemlimit", "19922944\n"}};
    Started<Result<control::Startup::Reply>> ready(io_, control_->call(std::move(startup)));
    auto vdomaind = std::make_shared<ipc::Dispatcher>();
    vdomaind->on<FindAccount>(find_account);
    open_channel(give(control::SocketRole::link, "toast-vdomaind"), vdomaind);
    front_end_ = open_channel(give(control::SocketRole::client, "toast-pop3d.0"), nullptr);
    while (!ready.ready()) {
      io_.restart();
      ASSERT_GT(io_.run_one(), 0U);
    }
    ASSERT_TRUE(ready.value()) << ready.value().error().detail;
  }
  Result<Login::Reply> login(const std::string& password) {
    Login request;
    request.login = "ann";
    request.password = Secret(password);
    request.peer = "192.0.2.1";
    request.connection = "c0ffee";
    return run_task(io_, front_end_->call(std::move(request)));
  }

  std::string root_;
  asio::io_context io_;
  pid_t child_ = -1;
  std::vector<std::shared_ptr<ipc::Channel>> channels_;
  std::shared_ptr<ipc::Channel> control_;
  std::shared_ptr<ipc::Channel> front_end_;
  std::vector<Started<Result<ipc::Done>>> gifts_;
};

TEST_F(AuthdProgram, ServesInItsSandboxAndLeavesCleanly) {
  SystemClock clock;
  TicketVerifier verifier{ticket_key_for(TicketUse::mailbox, Secret(kTicketKey)), clock};
  for (int i = 0; i < 2; ++i) {  // by hash, then from the cache
    const Result<Login::Reply> reply = login("secret");
    ASSERT_TRUE(reply) << reply.error().detail;
    ASSERT_EQ(reply->outcome, Login::Outcome::granted);
    const Result<Grant> grant =
        verifier.redeem(reply->ticket, Service::pop3, {"toast-pop3d.0", "c0ffee"});
    ASSERT_TRUE(grant) << grant.error().detail;
    EXPECT_EQ(grant->maildir, "example.org/ann");
  }
  EXPECT_EQ(login("guess")->outcome, Login::Outcome::refused);

  std::filesystem::rename(database(), database() + ".away");
  EXPECT_FALSE(login("secret"));  // an error reply: try again later
  std::filesystem::rename(database() + ".away", database());
  EXPECT_EQ(login("secret")->outcome, Login::Outcome::granted);

  const Result<ipc::Done> drained = run_task(io_, control_->call(control::Drain{}));
  int status = 0;
  ASSERT_EQ(waitpid(child_, &status, 0), child_);
  child_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  SqliteCredentials credentials(database(), {});
  EXPECT_EQ(credentials.last_logins("ann@example.org")->size(), 1U);
}

}  // namespace
}  // namespace toast::auth
