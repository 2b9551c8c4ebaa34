// spawnd as authd sees it: one answer to each question, from programs that control/ names.
#include "mta/spawn/spawnd.h"

#include <gmock/gmock.h>

#include "base/settings_registry.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/spawn/program_fixture.h"

namespace toast::spawnd {
namespace {

using auth::CheckByProgram;
using Verdict = CheckByProgram::Verdict;
using testing::HasSubstr;

class KeptLog final : public Logger {
 public:
  void write(Severity severity, std::string_view event,
             std::initializer_list<Field> fields) override {
    if (severity != Severity::debug)
      text += format_log_line(WallTime{}, "spawnd", severity, event, fields);
  }
  std::string text;
};

class SpawndTest : public ProgramFixture {
 protected:
  void SetUp() override {
    ProgramFixture::SetUp();
    // Takes the password "right", and says what else it is told to by it.
    const std::string check = program("check", R"sh(
      password=$(tr '\0' '\n' <&3 | sed -n 2p)
      echo "$password $1"; echo "$password" >&2
      case $password in right) exit 0;; later) exit 111;; hang) mkfifo $OUT/f; cat $OUT/f;; esac
      exit 1)sh");
    SpawndOptions options;
    const Settings settings =
        Settings::parse_or_error(
            {{"me", "mx.test\n"},
             {"checkpasswordprograms",
              "a.test:" + user_ + ":" + check + "\nb.test:" + user_ + ":" + folder_ + "/none\n"}})
            .value();
    options.programs =
        auth::CheckpasswordPrograms::read_or_error(settings, setting::checkpasswordprograms)
            .value();
    options.accounts[user_] = account_;
    options.patience = std::chrono::seconds{20};
    options.limits = {.at_once = 1, .at_once_of_domain = 1, .waiting = 1, .waiting_of_domain = 1};
    spawnd_.emplace(io_.get_executor(), std::move(options), clock_, log_, metrics_);
    SocketPair pair = make_socket_pair().value();
    keeper_ = ipc::Channel::open(io_.get_executor(), std::move(pair.left), "toast-authd.0");
    keeper_->start(spawnd_->dispatcher_for("toast-authd.0"), [](const Error&) {});
    authd_ = ipc::Channel::open(io_.get_executor(), std::move(pair.right), "toast-spawnd");
    authd_->start(nullptr, [](const Error&) {});
  }
  static CheckByProgram question(const std::string& password,
                                 const std::string& domain = "a.test") {
    CheckByProgram asked;
    asked.domain = domain;
    asked.login = "ann@a.test";
    asked.password = Secret(password);
    asked.peer = "192.0.2.1";
    return asked;
  }
  Result<CheckByProgram::Reply> ask(CheckByProgram asked) {
    return run_task(io_, authd_->call(std::move(asked)));
  }
  Verdict verdict(const std::string& password, const std::string& domain = "a.test") {
    return ask(question(password, domain)).value().verdict;
  }
  asio::io_context io_;
  SystemClock clock_;
  KeptLog log_;
  Metrics metrics_;
  std::optional<Spawnd> spawnd_;
  std::shared_ptr<ipc::Channel> keeper_, authd_;
};

TEST_F(SpawndTest, TheProgramDecides) {
  EXPECT_EQ(verdict("right"), Verdict::right);
  EXPECT_EQ(verdict("wrong"), Verdict::wrong);
  EXPECT_EQ(log_.text, "");
  EXPECT_EQ(verdict("later"), Verdict::unknown);
  EXPECT_EQ(verdict("later"), Verdict::unknown);
  EXPECT_EQ(verdict("right", "b.test"), Verdict::unknown);
  // Each failing program is named once in a while, and no password ever.
  EXPECT_EQ(std::count(log_.text.begin(), log_.text.end(), '\n'), 2);
  EXPECT_THAT(log_.text, HasSubstr("spawn.program.failed domain=a.test"));
  EXPECT_THAT(log_.text, HasSubstr("exit 111"));
  EXPECT_THAT(log_.text, HasSubstr("there is no such file"));
  EXPECT_THAT(log_.text, testing::Not(HasSubstr("later")));
}

TEST_F(SpawndTest, WhatTheProgramCannotBeToldIsWrong) {
  EXPECT_EQ(verdict(std::string("right\0", 6)), Verdict::wrong);
  EXPECT_EQ(verdict(std::string(512, 'x')), Verdict::wrong);
}

TEST_F(SpawndTest, AuthdCanNameNoProgram) {
  for (const char* domain : {"", "c.test", "A.TEST", "../a.test", "/bin/sh"})
    EXPECT_FALSE(ask(question("right", domain))) << domain;
  CheckByProgram asked = question("right");
  asked.peer = "nowhere";
  EXPECT_FALSE(ask(std::move(asked)));
  EXPECT_EQ(spawnd_->dispatcher_for("toast-smtpd.0"), nullptr);
  EXPECT_EQ(spawnd_->dispatcher_for("toast-authdx"), nullptr);
}

TEST_F(SpawndTest, WhoWaitsTooLongIsKilledAndWhoFindsNoRoomHearsSoAtOnce) {
  spawnd_->set_patience(std::chrono::seconds{1});
  Started<Result<CheckByProgram::Reply>> hanging(io_, authd_->call(question("hang")));
  Started<Result<CheckByProgram::Reply>> waiting(io_, authd_->call(question("right")));
  const Result<CheckByProgram::Reply> crowded = ask(question("right"));
  EXPECT_THAT(crowded->reason, HasSubstr("too many"));
  EXPECT_FALSE(hanging.ready());
  while (!hanging.ready() || !waiting.ready()) {
    io_.restart();
    ASSERT_GT(io_.run_one(), 0U);
  }
  EXPECT_EQ(hanging.value()->reason, "it was killed: no answer in time");
  EXPECT_EQ(waiting.value()->verdict, Verdict::unknown);
  spawnd_->set_patience(std::chrono::seconds{20});
  EXPECT_EQ(verdict("right"), Verdict::right);
}

TEST_F(SpawndTest, AStopDoesNotWaitForPrograms) {
  Started<Result<CheckByProgram::Reply>> hanging(io_, authd_->call(question("hang")));
  Started<Result<CheckByProgram::Reply>> waiting(io_, authd_->call(question("right")));
  while (!std::filesystem::exists(out_ + "/f")) {
    io_.restart();
    io_.poll();
  }
  run_task(io_, spawnd_->drain());
  while (!hanging.ready() || !waiting.ready()) {
    io_.restart();
    ASSERT_GT(io_.run_one(), 0U);
  }
  EXPECT_EQ(hanging.value()->verdict, Verdict::unknown);
  EXPECT_EQ(waiting.value()->reason, "toast-spawnd is stopping");
}

}  // namespace
}  // namespace toast::spawnd
