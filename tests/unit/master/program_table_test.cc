// The process structure that settings ask for, and that the two tables agree with each other.
#include "mta/master/program_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sandbox.h"
#include "base/settings_registry.h"

namespace toast::master {
namespace {

std::vector<std::string> names(const SettingFiles& more, unsigned cores) {
  SettingFiles files{{"me", "mx.example.test"}};
  files.insert(more.begin(), more.end());
  Result<Settings> settings = Settings::parse_or_error(files);
  EXPECT_TRUE(settings);
  std::vector<std::string> result;
  for (const ProcessSpec& spec : processes_for(*settings, cores)) result.push_back(spec.name());
  return result;
}

TEST(ProgramTable, OneFrontEndPerCore) {
  EXPECT_THAT(names({}, 2), testing::ElementsAre("toast-vdomaind.0", "toast-authd.0",
                                                 "toast-maild.0", "toast-keyd.0", "toast-remoted.0",
                                                 "toast-queued.0", "toast-smtpd.0", "toast-smtpd.1",
                                                 "toast-pop3d.0", "toast-pop3d.1"));
}

TEST(ProgramTable, CountsAndListenersAreSettings) {
  EXPECT_THAT(names({{"smtpprocesses", "3"}, {"pop3listen", ""}, {"pop3slisten", ""}}, 2),
              testing::ElementsAre("toast-vdomaind.0", "toast-authd.0", "toast-maild.0",
                                   "toast-keyd.0", "toast-remoted.0", "toast-queued.0",
                                   "toast-smtpd.0", "toast-smtpd.1", "toast-smtpd.2"));
}

TEST(ProgramTable, ProgramsAreRunOnlyWhereADomainHasOne) {
  EXPECT_THAT(names({{"checkpasswordprograms", "# none\n"}}, 1),
              testing::Not(testing::Contains("toast-spawnd.0")));
  EXPECT_THAT(names({{"checkpasswordprograms", "a.test:nobody:/bin/check\n"}}, 1),
              testing::Contains("toast-spawnd.0"));
}

TEST(ProgramTable, WiresNameProgramsAndEndAtKeepers) {
  const auto program = [](std::string_view name) -> const Program* {
    for (const Program& p : programs())
      if (p.name == name) return &p;
    return nullptr;
  };
  for (const Wire& wire : wires()) {
    SCOPED_TRACE(std::string(wire.client) + " -> " + std::string(wire.keeper));
    ASSERT_NE(program(wire.client), nullptr);
    ASSERT_NE(program(wire.keeper), nullptr);
    EXPECT_NE(program(wire.keeper)->stage, Stage::front_ends);
    // Whoever calls stops before the one it calls, or with it.
    EXPECT_LE(program(wire.client)->stage, program(wire.keeper)->stage);
  }
}

TEST(ProgramTable, EveryProgramHasASandbox) {
  for (const Program& program : programs())
    EXPECT_GT(policy_for(program.name).max_memory_bytes, 0U) << program.name;
}

// Every user may reach the door for local mail, and nobody but root and the owner the other one.
TEST(ProgramTable, LocalSocketsAreLentToTheirProgramAlone) {
  for (const Program& program : programs()) {
    SCOPED_TRACE(program.name);
    const bool is_queue = program.name == "toast-queued";
    EXPECT_EQ(is_listener_of(program, "submit.sock"), is_queue);
    EXPECT_EQ(is_listener_of(program, "queue.sock"), is_queue);
    for (const LocalSocket& local : program.local_sockets)
      EXPECT_EQ(local.mode, local.name == "submit.sock" ? 0666U : 0600U);
  }
}

}  // namespace
}  // namespace toast::master
