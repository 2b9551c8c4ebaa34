// control/checkpasswordprograms: what a line may be, and as whom a program may run.
#include "auth/programs/checkpassword_programs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <unistd.h>

#include "auth/programs/program_account.h"
#include "base/settings_registry.h"

namespace toast::auth {
namespace {

CheckpasswordPrograms::Read read(const std::string& content) {
  Result<Settings> settings =
      Settings::parse_or_error({{"me", "mx.test\n"}, {"checkpasswordprograms", content}});
  EXPECT_TRUE(settings);
  return CheckpasswordPrograms::read(*settings, setting::checkpasswordprograms);
}

struct GoodLine {
  const char* line;
  const char* domain;
  const char* user;
  const char* path;
  std::vector<std::string> arguments;
};
const GoodLine kGoodLines[] = {
    {"example.org:mail:/bin/checkpassword", "example.org", "mail", "/bin/checkpassword", {}},
    {"EXAMPLE.org:mail:/bin/check", "example.org", "mail", "/bin/check", {}},
    // arguments are words, colons belong to them, and nothing is a quote
    {"a.test:_ldap-1:/opt/c --uri  ldaps://h:636 \"x\ty\"",
     "a.test",
     "_ldap-1",
     "/opt/c",
     {"--uri", "ldaps://h:636", "\"x", "y\""}},
};

TEST(CheckpasswordPrograms, GoodLines) {
  for (const GoodLine& c : kGoodLines) {
    SCOPED_TRACE(c.line);
    const Result<CheckpasswordProgram> program = CheckpasswordProgram::parse(c.line);
    ASSERT_TRUE(program) << program.error().detail;
    EXPECT_EQ(program->domain.str(), c.domain);
    EXPECT_EQ(program->user, c.user);
    EXPECT_EQ(program->path, c.path);
    EXPECT_EQ(program->arguments, c.arguments);
  }
}

struct BadLine {
  std::string line;
  const char* complaint;
};
const BadLine kBadLines[] = {
    {"", "colon"},
    {"example.org", "colon"},
    {"example.org:mail", "colon"},
    {":mail:/bin/c", "not a domain"},
    {"ann@example.org:mail:/bin/c", "not a domain"},
    {"[192.0.2.1]:mail:/bin/c", "not a domain"},
    {"example.org::/bin/c", "not an account"},
    {"example.org:ma il:/bin/c", "not an account"},
    {"example.org:root:/bin/c", "never runs as root"},
    {"example.org:mail:", "program is missing"},
    {"example.org:mail:  ", "program is missing"},
    {"example.org:mail:checkpassword", "absolute path"},
    {"example.org:mail:./check", "absolute path"},
    {"example.org:mail:/bin/../check", "absolute path"},
    {"example.org:mail:/bin/", "absolute path"},
    {"example.org:mail:/" + std::string(2000, 'x'), "absolute path"},
    {"example.org:mail:/bin/c 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3",
     "arguments"},
};

TEST(CheckpasswordPrograms, BadLinesSayWhatWouldBeRight) {
  for (const BadLine& c : kBadLines) {
    SCOPED_TRACE(c.line);
    const Result<CheckpasswordProgram> program = CheckpasswordProgram::parse(c.line);
    ASSERT_FALSE(program);
    EXPECT_THAT(program.error().detail, testing::HasSubstr(c.complaint));
    EXPECT_THAT(program.error().detail, testing::HasSubstr("DOMAIN:USER:PROGRAM"));
  }
}

TEST(CheckpasswordPrograms, ProblemsHaveTheirLine) {
  const CheckpasswordPrograms::Read got = read(
      "# programs\n"
      "\n"
      "a.test:mail:/bin/a\n"
      "b.test:mail\n"
      "A.TEST:mail:/bin/c \n"
      "c.test:mail:/bin/c");
  ASSERT_EQ(got.problems.size(), 2U);
  EXPECT_THAT(got.problems[0].str(), testing::StartsWith("control/checkpasswordprograms:4: "));
  EXPECT_EQ(got.problems[1].str(),
            "control/checkpasswordprograms:5: a.test has a program already, on line 3");
  ASSERT_EQ(got.programs.all().size(), 2U);
  EXPECT_EQ(got.programs.find("c.test")->line, 6U);
  EXPECT_EQ(got.programs.find("b.test"), nullptr);
  EXPECT_EQ(got.programs.find(""), nullptr);
  EXPECT_TRUE(read("").programs.empty());
}

TEST(ProgramAccount, IsNeverRootNorOneOfOursNorNobodyAtAll) {
  const Settings settings =
      Settings::parse_or_error({{"me", "mx.test\n"}, {"userauthd", "daemon\n"}}).value();
  const auto error = [&](const char* user, uid_t server) {
    const Result<ProgramAccount> account = find_program_account(user, settings, server);
    return account ? std::string() : account.error().detail;
  };
  EXPECT_EQ(error("nobody", 0), "");
  EXPECT_THAT(error("no-such-account", 0), testing::HasSubstr("there is no account"));
  EXPECT_THAT(error("root", 0), testing::HasSubstr("never runs as root"));
  EXPECT_THAT(error("daemon", 0), testing::HasSubstr("control/userauthd"));
  // Who is not root cannot become anybody else.
  const passwd* daemon = ::getpwnam("daemon");
  ASSERT_NE(daemon, nullptr);
  EXPECT_EQ(error("daemon", daemon->pw_uid), "");
  EXPECT_THAT(error("nobody", daemon->pw_uid), testing::HasSubstr("does not run as root"));
}

TEST(ProgramAccount, ALineWithABadAccountIsAProblemOfThatLine) {
  const Settings settings =
      Settings::parse_or_error(
          {{"me", "mx.test\n"},
           {"checkpasswordprograms", "a.test:nobody:/bin/a\nb.test:no-such-account:/bin/a\n"}})
          .value();
  const std::vector<SettingProblem> problems =
      check_programs(settings, setting::checkpasswordprograms, 0);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].str(),
            "control/checkpasswordprograms:2: there is no account \"no-such-account\"");
}

}  // namespace
}  // namespace toast::auth
