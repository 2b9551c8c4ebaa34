// The real program in its real sandbox: what it needs of files and system calls it gets, through
// changes, outages and a replaced database.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/control_messages.h"
#include "base/ipc.h"
#include "tests/unit/auth/run_task.h"
#include "vdomain/directory_repository.h"
#include "vdomain/live_directory.h"
#include "vdomain/resolver_messages.h"
#include "vdomain/sqlite/directory_store.h"

namespace toast::vdomain {
namespace {

namespace fs = std::filesystem;

class VdomaindProgramTest : public ::testing::Test {
 protected:
  VdomaindProgramTest() {
    root_ = testing::TempDir() + "vdomaind.XXXXXX";
    if (mkdtemp(root_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    for (const char* folder : {"/mail", "/db", "/control"}) fs::create_directory(root_ + folder);
    database_ = root_ + "/db/directory.db";
  }
  ~VdomaindProgramTest() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    fs::remove_all(root_);
  }

  // Starts the program as toastd does and waits until it serves.
  void start() {
    SocketPair control = make_socket_pair().value();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(control.right.get(), control::kControlDescriptor);
      ::execl(TOAST_VDOMAIND_FILE, "toast-vdomaind", nullptr);
      ::_exit(127);
    }
    control.right.reset();
    control_ = ipc::Channel::open(io_.get_executor(), std::move(control.left), "toast-vdomaind");
    control_->start(nullptr, [](const Error&) {});
    SocketPair client = make_socket_pair().value();
    smtpd_ = ipc::Channel::open(io_.get_executor(), std::move(client.left), "toast-vdomaind");
    smtpd_->start(nullptr, [](const Error&) {});
    control::Startup startup;
    startup.program = "toast-vdomaind";
    startup.root = root_;
    startup.unprivileged = true;
    startup.boot_id = std::string(16, 'b');
    startup.sockets = 1;
    startup.settings = {{"me", "mx.test\n"}};
    control::GiveSocket give;
    give.role = control::SocketRole::client;
    give.name = "toast-smtpd.0";
    give.descriptor = std::move(client.right);
    Started<Result<control::Startup::Reply>> ready(io_, control_->call(std::move(startup)));
    ASSERT_TRUE(run_task(io_, control_->call(std::move(give))));
    while (!ready.ready()) io_.run_one();
    ASSERT_TRUE(ready.value()) << ready.value().error().detail;
  }

  void migrate() { (void)migrate_sqlite_directory(database_).value(); }
  void add(std::string_view name) {
    DirectoryRepository directory(open_sqlite_directory(database_, {}).value(), clock_);
    const Address at = Address::parse(name).value();
    ASSERT_TRUE(directory.add_domain({.name = at.domain()}, actor_)->ok());
    ASSERT_TRUE(directory.add_mailbox({.address = at}, actor_)->ok());
  }
  // "accept", "unknown", "not_local", or "error"
  std::string check(std::string_view name) {
    CheckRecipient question{Address::parse(name).value(), 0};
    const auto answer = run_task(io_, smtpd_->call(std::move(question)));
    if (!answer) return "error";
    switch (answer->verdict) {
      case CheckRecipient::Verdict::accept:
        return "accept";
      case CheckRecipient::Verdict::unknown:
        return "unknown";
      case CheckRecipient::Verdict::not_local:
        return "not_local";
      default:
        return "other";
    }
  }
  // Asks until the answer is `wanted`: the program runs by its own clock.
  std::string check_until(std::string_view name, const std::string& wanted) {
    std::string got;
    for (int tries = 0; tries < 1000 && got != wanted; ++tries) {
      got = check(name);
      ::usleep(10'000);
    }
    return got;
  }

  std::string root_;
  std::string database_;
  SystemClock clock_;
  Actor actor_{"test", "test"};
  asio::io_context io_;
  pid_t pid_ = 0;
  std::shared_ptr<ipc::Channel> control_;
  std::shared_ptr<ipc::Channel> smtpd_;
};

TEST_F(VdomaindProgramTest, ServesFromItsSandbox) {
  migrate();
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(check("ann@a.test"), "not_local");
  add("ann@a.test");
  EXPECT_EQ(check("ann@a.test"), "accept");  // at once
  EXPECT_EQ(check("bob@a.test"), "unknown");
  fs::create_directory(root_ + "/mail/a.test");
  std::ofstream(root_ + "/mail/a.test/.qmail-bob") << "ann@a.test\n";
  EXPECT_EQ(check_until("bob@a.test", "accept"), "accept");  // it may read below mail/
}

TEST_F(VdomaindProgramTest, StartsWithoutItsDatabaseAndHealsByItself) {
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(check("ann@a.test"), "error");
  EXPECT_FALSE(fs::exists(database_));
  migrate();
  add("ann@a.test");
  EXPECT_EQ(check_until("ann@a.test", "accept"), "accept");
}

TEST_F(VdomaindProgramTest, FollowsAReplacedDatabase) {
  migrate();
  add("ann@a.test");
  ASSERT_NO_FATAL_FAILURE(start());
  EXPECT_EQ(check("ann@a.test"), "accept");
  for (const auto* suffix : {"", "-wal", "-shm"}) fs::remove(database_ + suffix);
  EXPECT_EQ(check_until("bob@a.test", "error"), "error");
  EXPECT_EQ(check("ann@a.test"), "accept");  // remembered
  migrate();
  add("bob@a.test");
  EXPECT_EQ(check_until("bob@a.test", "accept"), "accept");
  EXPECT_EQ(check("ann@a.test"), "unknown");  // the new database does not have her
}

TEST_F(VdomaindProgramTest, WorksWhileTheDatabaseIsWrittenHard) {
  migrate();
  add("ann@a.test");
  ASSERT_NO_FATAL_FAILURE(start());
  DirectoryRepository directory(open_sqlite_directory(database_, {}).value(), clock_);
  for (int i = 0; i < 200; ++i) {
    const Address at = Address::parse("u" + std::to_string(i) + "@a.test").value();
    ASSERT_EQ(check(at.str()), "unknown");
    ASSERT_TRUE(directory.add_mailbox({.address = at}, actor_)->ok());
    ASSERT_EQ(check(at.str()), "accept");
  }
}

}  // namespace
}  // namespace toast::vdomain
