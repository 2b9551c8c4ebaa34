// Descriptor 3 and the environment of a program, and what its end means.
#include "mta/spawn/program_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mta/spawn/exit_verdict.h"

namespace toast::spawnd {
namespace {

using Verdict = auth::CheckByProgram::Verdict;
constexpr WallTime kNow{std::chrono::seconds{1'800'000'000}};

std::string input_of(std::string_view login, std::string_view password) {
  const std::optional<Secret> input = program_input(login, Secret(password), kNow);
  return input ? std::string(input->view()) : "none";
}

TEST(ProgramInput, ThreeTextsEachEndedByNul) {
  using namespace std::string_literals;
  EXPECT_EQ(input_of("ann@example.org", "secret"), "ann@example.org\0secret\0001800000000\0"s);
  EXPECT_EQ(input_of("ann@example.org", ""), "ann@example.org\0\0001800000000\0"s);
  EXPECT_EQ(input_of("ann@example.org", "a b\xff'\n"),
            "ann@example.org\0a b\xff'\n\0001800000000\0"s);
}

TEST(ProgramInput, WhatCannotBeSaidIsNotSaid) {
  using namespace std::string_literals;
  // 15 + 10 bytes of login and time, three NULs: 484 are left.
  EXPECT_EQ(input_of("ann@example.org", std::string(484, 'x')).size(), kMaxProgramInput);
  EXPECT_EQ(input_of("ann@example.org", std::string(485, 'x')), "none");
  EXPECT_EQ(input_of("ann@example.org", "se\0cret"s), "none");
  EXPECT_EQ(input_of("ann\0@example.org"s, "secret"), "none");
}

TEST(ProgramInput, TheEnvironmentIsSmall) {
  EXPECT_THAT(program_environment(auth::Service::smtp, IpAddress::parse("2001:db8::7").value()),
              testing::ElementsAre("PATH=/usr/bin:/bin", "PROTO=TCP", "TCPREMOTEIP=2001:db8::7",
                                   "SERVICE=smtp"));
}

struct End {
  int status;
  Verdict verdict;
  const char* reason;
};
constexpr int exited(int code) { return code << 8; }
const End kEnds[] = {
    {exited(0), Verdict::right, ""},
    {exited(1), Verdict::wrong, ""},
    // nothing else says anything about the password
    {exited(2), Verdict::unknown, "exit 2 (it was misused)"},
    {exited(3), Verdict::unknown, "exit 3"},
    {exited(100), Verdict::unknown, "exit 100"},
    {exited(111), Verdict::unknown, "exit 111 (it cannot say now)"},
    {exited(126), Verdict::unknown, "exit 126"},
    {exited(127), Verdict::unknown, "exit 127"},
    {exited(255), Verdict::unknown, "exit 255"},
    {9, Verdict::unknown, "it was ended by signal 9 (Killed)"},
    {11, Verdict::unknown, "it was ended by signal 11 (Segmentation fault)"},
};

TEST(ExitVerdict, OnlyTwoEndsSpeakOfThePassword) {
  for (const End& end : kEnds) {
    const ExitVerdict got = exit_verdict(end.status);
    EXPECT_EQ(got.verdict, end.verdict) << end.status;
    EXPECT_EQ(got.reason, end.reason) << end.status;
  }
}

}  // namespace
}  // namespace toast::spawnd
