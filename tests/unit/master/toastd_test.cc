// The real toastd: start, wiring, restarts, reload, drain, hand-over, and what it refuses.
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/metrics.h"
#include "toastd_fixture.h"

namespace toast::master {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

const char* const kKeepers[] = {"toast-vdomaind.0", "toast-authd.0",   "toast-maild.0",
                                "toast-keyd.0",     "toast-remoted.0", "toast-queued.0"};

// --- start and wiring

TEST_F(ToastdTest, StartsEveryProgramAndSaysSo) {
  launch_and_wait_ready();
  const nlohmann::json now = status();
  EXPECT_EQ(now["pid"], toastd_);
  EXPECT_EQ(now["unprivileged"], true);
  EXPECT_EQ(now["processes"].size(), 9U);
  for (const nlohmann::json& process : now["processes"]) {
    EXPECT_EQ(process["state"], "running") << process;
    EXPECT_EQ(process["restarts"], 0) << process;
  }
  EXPECT_EQ(read_metrics(root_ + "/run/metrics")->size(), 9U);
  EXPECT_EQ(ask("queue.sock", "pid"), std::to_string(pid_of("toast-queued.0")));
}

TEST_F(ToastdTest, EveryWireWorks) {
  launch_and_wait_ready();
  EXPECT_THAT(ask("smtp", "call toast-vdomaind"),
              AnyOf("toast-vdomaind/toast-smtpd.0", "toast-vdomaind/toast-smtpd.1"));
  EXPECT_THAT(ask("smtp", "call toast-queued toast-vdomaind"),
              HasSubstr("toast-vdomaind/toast-queued.0"));
  EXPECT_THAT(ask("smtp", "call toast-queued toast-maild toast-vdomaind"),
              HasSubstr("toast-maild/toast-queued.0 toast-vdomaind/toast-maild.0"));
  EXPECT_THAT(ask("smtp", "call toast-queued toast-remoted"),
              HasSubstr("toast-remoted/toast-queued.0"));
  EXPECT_EQ(ask("pop3", "call toast-authd toast-vdomaind"),
            "toast-authd/toast-pop3d.0 toast-vdomaind/toast-authd.0");
  EXPECT_EQ(ask("pop3", "call toast-maild"), "toast-maild/toast-pop3d.0");
  EXPECT_EQ(ask("pop3s", "call toast-keyd"), "toast-keyd/toast-pop3d.0");
  for (const char* port : {"smtp", "submission", "submissions"})
    EXPECT_THAT(ask(port, "call toast-keyd"), HasSubstr("toast-keyd/toast-smtpd."));
  EXPECT_THAT(ask("smtp", "call toast-authd"), HasSubstr("toast-authd/toast-smtpd."));
  // And nobody has a wire that the table does not give.
  EXPECT_EQ(ask("smtp", "call toast-maild"), "error toast-maild is not running");
  EXPECT_EQ(ask("pop3", "call toast-queued"), "error toast-queued is not running");
}

TEST_F(ToastdTest, ChildrenRunAsTheirAccounts) {
  if (::geteuid() != 0) return;  // only root can change users
  for (const char* setting : {"usersmtpd", "userqueued", "usermaild", "uservdomaind", "userauthd",
                              "userremoted", "userkeyd", "userpop3d"})
    set(setting, "nobody\n");
  launch({});
  ASSERT_TRUE(wait_ready()) << log_text();
  ASSERT_TRUE(eventually([&] { return status()["state"] == "ready"; }));
  const nlohmann::json now = status();
  for (const nlohmann::json& process : now["processes"]) {
    const pid_t pid = process["pid"];
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    EXPECT_THAT(text, HasSubstr("Uid:\t65534\t65534\t65534\t65534")) << process;
    EXPECT_THAT(text, HasSubstr("CapEff:\t0000000000000000")) << process;
  }
  signal_toastd(SIGTERM);
  EXPECT_EQ(wait_exit(), 0);
}

// --- restarts

TEST_F(ToastdTest, KilledKeeperComesBackAndIsWiredAnew) {
  launch_and_wait_ready();
  for (const std::string name : kKeepers) {
    SCOPED_TRACE(name);
    const pid_t before = pid_of(name);
    ASSERT_EQ(::kill(before, SIGKILL), 0);
    ASSERT_TRUE(eventually([&] { return pid_of(name) != before && pid_of(name) != 0; }));
    // Both as the one that is called and as the one that calls.
    EXPECT_TRUE(eventually([&] {
      return ask("smtp", "call toast-queued toast-maild toast-vdomaind")
          .ends_with("toast-maild/toast-queued.0 toast-vdomaind/toast-maild.0");
    }));
    EXPECT_TRUE(eventually([&] {
      return ask("pop3", "call toast-authd toast-vdomaind") ==
             "toast-authd/toast-pop3d.0 toast-vdomaind/toast-authd.0";
    }));
  }
  EXPECT_THAT(log_text(), HasSubstr("toastd.child.ended process=toast-maild.0"));
  EXPECT_THAT(log_text(), HasSubstr("exit=\"signal 9 (Killed)\""));
}

TEST_F(ToastdTest, MaildIsToldWhenAuthdHasEnded) {
  launch_and_wait_ready();
  EXPECT_EQ(ask("pop3", "call toast-maild ended"), "toast-maild/toast-pop3d.0");
  ASSERT_EQ(::kill(pid_of("toast-vdomaind.0"), SIGKILL), 0);  // of no interest to maild
  ASSERT_EQ(::kill(pid_of("toast-authd.0"), SIGKILL), 0);
  EXPECT_TRUE(eventually([&] {
    return ask("pop3", "call toast-maild ended") == "toast-maild/toast-pop3d.0 toast-authd";
  }));
}

TEST_F(ToastdTest, CrashedFrontEndComesBackOnTheSamePort) {
  set("smtpprocesses", "1\n");
  launch_and_wait_ready();
  const std::string port = port_of("smtp");
  const pid_t before = pid_of("toast-smtpd.0");
  EXPECT_EQ(ask("smtp", "crash"), "");
  ASSERT_TRUE(eventually([&] { return pid_of("toast-smtpd.0") != before; }));
  // The port was never closed: this waits in its backlog for the new process.
  EXPECT_NE(ask("smtp", "pid"), std::to_string(before));
  EXPECT_EQ(port_of("smtp"), port);
  EXPECT_TRUE(
      eventually([&] { return ask("smtp", "call toast-queued") == "toast-queued/toast-smtpd.0"; }));
  EXPECT_THAT(log_text(), HasSubstr("signal 6 (Aborted)"));
  // Its counters went on where it had stopped.
  const auto page = read_metrics_page(root_ + "/run/metrics/toast-smtpd.0");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->samples.size(), 1U);
  EXPECT_EQ(page->samples[0].value, 2U);
}

TEST_F(ToastdTest, ProgramThatCannotStartEndsToastdWithTheReason) {
  set("bouncefrom", "toast-maild\n");
  launch();
  EXPECT_EQ(wait_exit(), 1);
  EXPECT_THAT(log_text(), HasSubstr("told to fail"));
  EXPECT_THAT(log_text(), HasSubstr("toastd: toast-maild.0 cannot start (exit 1)"));
}

// --- refusals

TEST_F(ToastdTest, SecondToastdIsRefused) {
  launch_and_wait_ready();
  const pid_t first = toastd_;
  launch();
  EXPECT_EQ(wait_exit(), 1);
  toastd_ = first;
  EXPECT_THAT(log_text(),
              HasSubstr("another toastd (pid " + std::to_string(first) + ") runs this instance"));
  EXPECT_EQ(ask("pop3", "pid"), std::to_string(pid_of("toast-pop3d.0")));  // undisturbed
}

TEST_F(ToastdTest, BadSettingsAreNamedAndNothingStarts) {
  set("databytes", "50M\n");
  set("smtplisten", "localhost:25\n");
  launch();
  EXPECT_EQ(wait_exit(), 1);
  EXPECT_THAT(log_text(), HasSubstr("control/databytes:1:"));
  EXPECT_THAT(log_text(), HasSubstr("control/smtplisten:1:"));
  EXPECT_FALSE(status().is_object());
}

TEST_F(ToastdTest, PortInUseIsNamed) {
  launch_and_wait_ready();
  const pid_t first = toastd_;
  const std::string port = port_of("smtp");
  const std::string other = root_ + "/other";
  for (const char* folder : {"/control", "/run"})
    std::filesystem::create_directories(other + folder);
  std::ofstream(other + "/control/me") << "mx.example.test\n";
  std::ofstream(other + "/control/smtplisten") << port << "\n";
  launch_on(other, {"--unprivileged"});
  EXPECT_EQ(wait_exit(), 1);
  toastd_ = first;
  EXPECT_THAT(log_text(), HasSubstr("cannot listen on " + port + ": Address already in use"));
}

// A supervisor starts the next toastd at once, while the programs of a killed one still end.
TEST_F(ToastdTest, WaitsForAPortThatIsStillTaken) {
  Fd taken(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(taken.get(), any, size), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  ASSERT_EQ(::getsockname(taken.get(), any, &size), 0);
  const std::string port = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  set("smtplisten", port + "\n");
  launch();
  const bool said = eventually(
      [&] { return log_text().find("toastd.port.taken address=" + port) != std::string::npos; });
  EXPECT_TRUE(said);
  taken.reset();
  EXPECT_TRUE(wait_ready());
  EXPECT_EQ(port_of("smtp"), port);
}

TEST_F(ToastdTest, WrongCommandLinesSayWhatIsRight) {
  launch({"--unpriviledged"});
  EXPECT_EQ(wait_exit(), 1);
  EXPECT_THAT(log_text(), HasSubstr("--unpriviledged"));
  launch_on(root_ + "/none", {"--unprivileged"});
  EXPECT_EQ(wait_exit(), 1);
  EXPECT_THAT(log_text(), HasSubstr("No such file or directory (toastctl init makes an instance)"));
}

TEST_F(ToastdTest, MissingProgramIsNamed) {
  std::filesystem::remove(programs_ + "/toast-queued");
  launch();
  EXPECT_EQ(wait_exit(), 1);
  EXPECT_THAT(log_text(), HasSubstr("program not found: " + programs_ + "/toast-queued"));
}

// --- reload

TEST_F(ToastdTest, ReloadChangesEveryProcess) {
  launch_and_wait_ready();
  set("smtpgreeting", "hello\n");
  signal_toastd(SIGHUP);
  ASSERT_TRUE(eventually([&] { return status()["reload"].is_object(); }));
  EXPECT_EQ(status()["reload"]["ok"], true) << status()["reload"];
  EXPECT_EQ(ask("smtp", "setting smtpgreeting"), "hello");
  EXPECT_EQ(ask("pop3", "setting smtpgreeting"), "hello");
  // A process that starts later has them too.
  const pid_t before = pid_of("toast-pop3d.0");
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return pid_of("toast-pop3d.0") != before; }));
  EXPECT_EQ(ask("pop3", "setting smtpgreeting"), "hello");
}

struct RefusedReload {
  const char* setting;
  const char* content;
  const char* reason;
};
const RefusedReload kRefused[] = {
    {"databytes", "lots\n", "control/databytes:1: \"lots\" is not a number"},  // toastd says no
    {"smtpgreeting", "toast-pop3d\n",
     "toast-pop3d.0: told to refuse"},  // the last one asked says no
    {"smtpprocesses", "1\n", "control/smtpprocesses: takes effect at a restart only"},
    // Threads are made, and the journal is opened, at the start of a program.
    {"maildeliverythreads", "3\n", "control/maildeliverythreads: takes effect at a restart only"},
    {"passwordhashers", "3\n", "control/passwordhashers: takes effect at a restart only"},
    {"queuereserve", "9999999\n", "control/queuereserve: takes effect at a restart only"},
};

TEST_F(ToastdTest, RefusedReloadChangesNobody) {
  launch_and_wait_ready();
  for (const RefusedReload& c : kRefused) {
    SCOPED_TRACE(c.setting);
    const std::string old = ask("smtp", std::string("setting ") + c.setting);
    set(c.setting, c.content);
    set("bouncehost", "changed.example\n");  // a good change that must not slip through
    signal_toastd(SIGHUP);
    ASSERT_TRUE(eventually([&] {
      const nlohmann::json now = status();
      return now["reload"].is_object() &&
             now["reload"]["reason"].get<std::string>().find(c.reason) != std::string::npos;
    })) << status()["reload"];
    EXPECT_EQ(ask("smtp", std::string("setting ") + c.setting), old);
    EXPECT_EQ(ask("smtp", "setting bouncehost"), "mx.example.test");
    EXPECT_EQ(ask("pop3", "setting bouncehost"), "mx.example.test");
    if (std::string(c.setting) == "smtpprocesses")
      set("smtpprocesses", "2\n");
    else
      unset(c.setting);
  }
  EXPECT_THAT(log_text(), HasSubstr("toastd.reload.refused"));
}

// --- stopping

TEST_F(ToastdTest, DrainsFrontEndsThenQueueThenKeepers) {
  launch_and_wait_ready();
  // To the whole group, as timeout(1) and some supervisors do: the order is still toastd's.
  ASSERT_EQ(::kill(-toastd_, SIGTERM), 0);
  EXPECT_EQ(wait_exit(), 0);
  const std::string log = log_text();
  const auto stopped = [&](const std::string& name) {
    const std::size_t at = log.find(" " + name + " info daemon.process.stopped");
    EXPECT_NE(at, std::string::npos) << name;
    return at;
  };
  const std::size_t queue = stopped("queued");
  for (const char* front : {"smtpd.0", "smtpd.1", "pop3d"}) EXPECT_LT(stopped(front), queue);
  for (const char* keeper : {"maild", "authd", "vdomaind"}) EXPECT_GT(stopped(keeper), queue);
  EXPECT_EQ(log.find(" warning "), std::string::npos) << log;
  // The lock is free: the instance starts again.
  launch_and_wait_ready();
}

TEST_F(ToastdTest, SecondSignalDoesNotWait) {
  launch_and_wait_ready();
  ASSERT_NE(ask("pop3", "hang"), "");
  signal_toastd(SIGTERM);
  ASSERT_TRUE(eventually([&] { return status()["state"] == "stopping"; }));
  const auto begin = std::chrono::steady_clock::now();
  signal_toastd(SIGTERM);
  EXPECT_EQ(wait_exit(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{5});
}

TEST_F(ToastdTest, ChildrenEndWhenToastdIsKilled) {
  launch_and_wait_ready();
  const nlohmann::json before = status();
  signal_toastd(SIGKILL);
  wait_exit();
  toastd_ = 0;
  for (const nlohmann::json& process : before["processes"]) {
    const pid_t pid = process["pid"];
    EXPECT_EQ(wait_exit_of(pid), 0) << process;  // ours now: we are their reaper
  }
  launch_and_wait_ready();
}

// --- hand-over

TEST_F(ToastdTest, SuccessorTakesThePortsAndTheLock) {
  launch_and_wait_ready();
  const std::string port = port_of("smtp");
  const pid_t old_toastd = toastd_;
  const pid_t old_smtpd = pid_of("toast-smtpd.0");
  set("smtpprocesses", "1\n");  // what a reload refuses, a hand-over applies
  signal_toastd(SIGUSR2);
  ASSERT_TRUE(wait_ready()) << log_text();
  EXPECT_EQ(wait_exit(), 0);
  ASSERT_TRUE(
      eventually([&] { return status()["pid"] != old_toastd && status()["state"] == "ready"; }));
  const pid_t successor = status()["pid"];
  EXPECT_EQ(port_of("smtp"), port);
  EXPECT_NE(pid_of("toast-smtpd.0"), old_smtpd);
  EXPECT_EQ(pid_of("toast-smtpd.1"), 0);
  EXPECT_EQ(ask("smtp", "call toast-queued toast-maild"),
            "toast-queued/toast-smtpd.0 toast-maild/toast-queued.0");
  EXPECT_NE(ask("queue.sock", "pid"), "");
  launch();  // the lock went along
  EXPECT_EQ(wait_exit(), 1);
  EXPECT_THAT(log_text(), HasSubstr("another toastd (pid " + std::to_string(successor) + ")"));
  ASSERT_EQ(::kill(successor, SIGTERM), 0);
  EXPECT_EQ(wait_exit_of(successor), 0);
}

TEST_F(ToastdTest, HandOverWithBadSettingsLeavesTheOldOne) {
  launch_and_wait_ready();
  const nlohmann::json before = status();
  set("databytes", "lots\n");
  signal_toastd(SIGUSR2);
  ASSERT_TRUE(
      eventually([&] { return log_text().find("toastd.handover.refused") != std::string::npos; }));
  EXPECT_THAT(log_text(), HasSubstr("control/databytes:1: \\\"lots\\\" is not a number"));
  EXPECT_EQ(status()["pid"], before["pid"]);
  EXPECT_EQ(ask("pop3", "pid"), std::to_string(pid_of("toast-pop3d.0")));
  // And it can be tried again.
  unset("databytes");
  signal_toastd(SIGUSR2);
  ASSERT_TRUE(wait_ready()) << log_text();
  EXPECT_EQ(wait_exit(), 0);
}

}  // namespace
}  // namespace toast::master
