// A program under this test as its toastd: what it says when a keeper's channel closes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "base/control_messages.h"
#include "base/fd.h"

namespace toast {
namespace {

using testing::HasSubstr;
using testing::Not;

class DaemonTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/toast-daemon-XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    root_ = path;
    SocketPair control = make_socket_pair().value();
    start_program(control.right);
    control_ = ipc::Channel::open(io_.get_executor(), std::move(control.left), "the program");
    control_->start(nullptr, [this](const Error&) { ended_ = true; });
    asio::co_spawn(io_, become_its_parent(), asio::detached);
    ASSERT_TRUE(run_until(ready_));
  }
  void TearDown() override {
    if (child_ > 0 && !ended_) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    std::filesystem::remove_all(root_);
  }

  void start_program(const Fd& control) {
    const std::string log = root_ + "/log";
    const Fd to(::open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ != 0) return;
    ::dup2(to.get(), STDERR_FILENO);
    const bool there = control.get() == control::kControlDescriptor;
    if (there ? ::fcntl(control.get(), F_SETFD, 0) != 0
              : ::dup2(control.get(), control::kControlDescriptor) < 0)
      ::_exit(126);
    ::execl(TEST_CHILD_FILE, "toast-smtpd", static_cast<char*>(nullptr));
    ::_exit(127);
  }

  Task<> become_its_parent() {
    SocketPair link = make_socket_pair().value();
    keeper_ = std::move(link.left);
    control::GiveSocket given{control::SocketRole::link, "toast-queued", std::move(link.right)};
    Result<ipc::Done> taken = co_await control_->call(std::move(given));
    EXPECT_TRUE(taken);
    control::Startup startup;
    startup.program = "toast-smtpd";
    startup.root = root_;
    startup.unprivileged = true;
    startup.sockets = 1;
    startup.settings = {{"me", "mx.example.org\n"}};
    Result<control::Startup::Reply> reply = co_await control_->call(std::move(startup));
    EXPECT_TRUE(reply) << reply.error().detail;
    ready_ = true;
  }
  bool run_until(const bool& condition) {
    io_.restart();
    while (!condition)
      if (io_.run_one_for(std::chrono::seconds(20)) == 0) return false;
    return true;
  }
  // Both arrive while the program does not run, so it finds both at once.
  void while_it_sleeps(const std::function<void()>& act) {
    ::kill(child_, SIGSTOP);
    int status = 0;
    ::waitpid(child_, &status, WUNTRACED);
    act();
    io_.restart();
    io_.poll();
    ::kill(child_, SIGCONT);
  }
  // Answered in a later turn of its loop than the one in which it woke up.
  Task<> ask_for_a_sign_of_life() {
    control::GiveSocket nothing{control::SocketRole::metrics, "", Fd(::dup(0))};
    Result<ipc::Done> reply = co_await control_->call(std::move(nothing));
    EXPECT_TRUE(reply);
    alive_ = true;
  }
  std::string log_of_its_life() {
    asio::co_spawn(io_, ask_for_a_sign_of_life(), asio::detached);
    EXPECT_TRUE(run_until(alive_));
    control_->notify(control::Drain{});
    EXPECT_TRUE(run_until(ended_));
    ::waitpid(child_, nullptr, 0);
    return read_all(open_file(root_ + "/log", O_RDONLY).value(), 1 << 20, "log").value();
  }

  std::string root_;
  asio::io_context io_{1};
  pid_t child_ = -1;
  std::shared_ptr<ipc::Channel> control_;
  Fd keeper_;
  bool ready_ = false;
  bool alive_ = false;
  bool ended_ = false;
};

TEST_F(DaemonTest, AKeeperThatGoesIsAWarning) {
  while_it_sleeps([this] { keeper_.reset(); });
  EXPECT_THAT(log_of_its_life(), HasSubstr("warning daemon.link.lost keeper=toast-queued"));
}

TEST_F(DaemonTest, AKeeperThatGoesWhileTheInstanceStopsIsNoNews) {
  while_it_sleeps([this] {
    control_->notify(control::Stopping{});
    keeper_.reset();
  });
  const std::string log = log_of_its_life();
  EXPECT_THAT(log, HasSubstr("info daemon.process.stopped"));
  EXPECT_THAT(log, Not(HasSubstr("daemon.link.lost")));
}

}  // namespace
}  // namespace toast
