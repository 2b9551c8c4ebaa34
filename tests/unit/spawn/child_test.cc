// Real programs: what they get, what they can do, and that nothing of them is left.
#include "mta/spawn/child.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>

#include "mta/spawn/program_file.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/spawn/program_fixture.h"

namespace toast::spawnd {
namespace {

using namespace std::string_literals;
using Verdict = auth::CheckByProgram::Verdict;
using testing::HasSubstr;

class ChildTest : public ProgramFixture {
 protected:
  ExitVerdict run(const std::string& path,
                  std::chrono::milliseconds patience = std::chrono::seconds{60}) {
    ProgramRun what{path,
                    {"one", "two words"},
                    {"PATH=/usr/bin:/bin", "PROTO=TCP"},
                    account_,
                    Secret("ann@example.org\0secret\0007\0"s)};
    Result<Child> child = Child::start(what);
    if (!child) return {Verdict::unknown, child.error().detail};
    return run_task(io_, child->wait(std::chrono::steady_clock::now() + patience));
  }
  // It has been killed; who adopted it may not have waited for it yet.
  bool helper_ends() const {
    const std::string status = "/proc/" + std::to_string(std::stoi(written("helper"))) + "/stat";
    for (int tries = 0; tries < 10000; ++tries) {
      std::ifstream file(status);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      if (text.empty() || text.find(") Z ") != std::string::npos) return true;
      ::usleep(1000);
    }
    return false;
  }
  asio::io_context io_;
};

TEST_F(ChildTest, ItIsToldOnDescriptorThreeAndSaysItByItsEnd) {
  const std::string path = program("check", R"sh(
    tr '\0' ' ' <&3 >$OUT/heard; exec 3<&-
    [ "$(cat $OUT/heard)" = "ann@example.org secret 7 " ] || exit 1
    exec "$3")sh");
  const ExitVerdict end = run(path);
  EXPECT_EQ(end.verdict, Verdict::right) << end.reason << written("heard");
  EXPECT_EQ(run(program("wrong", "exit 1")).verdict, Verdict::wrong);
  EXPECT_EQ(run(program("later", "exit 111")).verdict, Verdict::unknown);
  EXPECT_EQ(run(program("crash", "kill -SEGV $$")).reason,
            "it was ended by signal 11 (Segmentation fault)");
}

TEST_F(ChildTest, ItHasItsArgumentsAFewVariablesAndNothingOfOurs) {
  const int secret = ::open("/etc/hostname", O_RDONLY);  // no O_CLOEXEC, on purpose
  ASSERT_GE(secret, 0);
  const std::string path = program("look", R"sh(
    exec 4>$OUT/seen
    for a in "$@"; do echo "argument $a" >&4; done
    env | grep -v -e '^_=' -e '^PWD=' -e '^OLDPWD=' -e '^SHLVL=' | sort >&4
    echo "folder $(pwd)" >&4
    echo "user $(id -u) $(id -g)" >&4
    ls /proc/self/fd | tr '\n' ' ' >&4
    for fd in 0 1 2; do standard="$standard$(readlink /proc/$$/fd/$fd) "; done
    echo "$standard" >&4
    [ "$(cut -d ' ' -f 6 /proc/$$/stat)" = $$ ] && echo its own session >&4
    ulimit -c >&4)sh");
  EXPECT_EQ(run(path).verdict, Verdict::right);
  ::close(secret);
  const std::string seen = written("seen");
  const auto ids = std::to_string(account_.uid) + " " + std::to_string(account_.gid);
  EXPECT_THAT(seen, HasSubstr("argument one\nargument two words\nargument /bin/true\n"
                              "PATH=/usr/bin:/bin\nPROTO=TCP\nfolder /\nuser " +
                              ids + "\n"));
  // 5: the folder that ls lists
  EXPECT_THAT(seen, HasSubstr("0 1 2 3 4 5 /dev/null /dev/null /dev/null \n"));
  EXPECT_THAT(seen, testing::EndsWith("its own session\n0\n"));
}

TEST_F(ChildTest, WhoDoesNotAnswerIsKilledWithAllThatItStarted) {
  const std::string path =
      program("hang", "sleep 1000 & echo $! >$OUT/helper; mkfifo $OUT/f; cat $OUT/f");
  const ExitVerdict end = run(path, std::chrono::milliseconds{300});
  EXPECT_EQ(end.verdict, Verdict::unknown);
  EXPECT_EQ(end.reason, "it was killed: no answer in time");
  // The machine may be so busy that it never came so far.
  if (!written("helper").empty()) EXPECT_TRUE(helper_ends());
}

// It holds descriptor 3 open, and the answer does not wait for it.
TEST_F(ChildTest, WhatItLeavesBehindIsKilled) {
  const std::string path = program("leave", "sleep 1000 & echo $! >$OUT/helper; exit 0");
  EXPECT_EQ(run(path).verdict, Verdict::right);
  EXPECT_TRUE(helper_ends());
}

TEST_F(ChildTest, AFloodGoesNowhereAndHoldsNobodyUp) {
  EXPECT_EQ(
      run(program("flood", "head -c 50000000 /dev/zero; head -c 50000000 /dev/zero >&2")).verdict,
      Verdict::right);
}

TEST_F(ChildTest, WhatCannotBeRunSaysWhy) {
  const std::string good = program("good", "exit 0");
  EXPECT_EQ(run(folder_ + "/none").reason,
            "cannot run " + folder_ + "/none: there is no such file");
  EXPECT_THAT(run(program("plain", "exit 0", 0644)).reason, HasSubstr("not executable"));
  EXPECT_THAT(run(program("open", "exit 0", 0777)).reason, HasSubstr("others may write"));
  EXPECT_THAT(run(folder_).reason, HasSubstr("it is not a file"));
  std::ofstream(folder_ + "/broken") << "\x7f"
                                     << "ELF, but not really";
  ::chmod((folder_ + "/broken").c_str(), 0755);
  EXPECT_THAT(run(folder_ + "/broken").reason, HasSubstr("cannot run"));
  EXPECT_EQ(run(good).verdict, Verdict::right);
  ::chmod(folder_.c_str(), 0777);
  EXPECT_THAT(run(good).reason, HasSubstr("others may write " + folder_ + " "));
  ::chmod(folder_.c_str(), 0755);
  if (::geteuid() != 0) return;  // to give files away takes root
  ASSERT_EQ(::chown(good.c_str(), 12345, 0), 0);
  EXPECT_THAT(run(good).reason, HasSubstr("belongs to user 12345"));
}

TEST_F(ChildTest, LinksAreFollowedToWhatTheyMean) {
  const std::string good = program("good", "exit 0");
  const std::string open = folder_ + "/open";
  std::filesystem::create_directory(open);
  std::filesystem::copy(good, open + "/copy");
  ::chmod(open.c_str(), 0777);
  std::filesystem::create_symlink(open + "/copy", folder_ + "/link");
  std::filesystem::create_symlink(good, folder_ + "/sound");
  EXPECT_FALSE(check_program_file(folder_ + "/link", account_.uid));
  EXPECT_TRUE(check_program_file(folder_ + "/sound", account_.uid));
  EXPECT_TRUE(check_program_file("/bin/true", account_.uid));
}

TEST_F(ChildTest, ItNeverRunsAsRoot) {
  if (::geteuid() != 0) return;  // then it cannot
  account_ = {0, 0, {}};
  EXPECT_EQ(run(program("good", "exit 0")).reason, "it would run as another account");
}

}  // namespace
}  // namespace toast::spawnd
