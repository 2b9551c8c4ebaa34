// The resolver in the sandbox of the program that uses it: opened after files are out of reach, as
// daemon_main does, and asked when every call that is not on the list kills.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/dns/unbound_dns.h"
#include "base/gather.h"
#include "base/sandbox.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/dns/name_server.h"

namespace toast::dns {
namespace {

std::vector<Zone> sandboxed_zones() {
  std::string records = "@ MX 10 mx\nmx A 127.0.0.1\nmx AAAA ::1\n";
  for (int i = 0; i < 500; ++i)
    records += "huge MX " + std::to_string(i) + " a-long-name-" + std::to_string(i) + ".test.\n";
  return {{"mail.test", records}, {"signed.test", "@ MX 10 mx\nmx A 127.0.0.1\n", true}};
}

// What does not work, as an exit code; 0: everything does.
int use(const NameServer& server, const std::string& root) {
  asio::io_context io{1};
  SilentLogger log;
  const SandboxPolicy policy = policy_for("toast-remoted");
  if (!restrict_rights(policy, root)) return 1;
  UnboundOptions options{.servers = {server.endpoint()},
                         .trust_anchors = {server.anchor("signed.test")}};
  auto dns = UnboundDns::open(io.get_executor(), std::move(options), log);
  if (!dns) return 2;
  if (!restrict_calls(policy, OnForbiddenCall::kill)) return 3;
  const Result<MxAnswer> proven = run_task(io, (*dns)->mx("signed.test"));
  if (!proven || !proven->secure) return 4;
  if (!run_task(io, (*dns)->addresses("mx.mail.test"))) return 5;
  const Result<MxAnswer> huge = run_task(io, (*dns)->mx("huge.mail.test"));  // over TCP
  if (!huge || huge->records.size() != kMaxMxRecords) return 6;
  std::vector<Task<Result<AddressAnswer>>> many;
  for (int i = 0; i < 300; ++i)
    many.push_back((*dns)->addresses("x" + std::to_string(i) + ".mail.test"));
  for (const auto& answer : run_task(io, gather(std::move(many))))
    if (!answer) return 7;
  dns->reset();
  io.poll();
  return 0;
}

TEST(SandboxedDns, WorksUnderThePolicyOfRemoted) {
  const NameServer server(sandboxed_zones());
  char root[] = "/tmp/toast-sandboxed-dns-XXXXXX";
  ASSERT_NE(::mkdtemp(root), nullptr);
  std::filesystem::create_directory(std::string(root) + "/relay-auth");
  const pid_t child = ::fork();
  if (child == 0) ::_exit(use(server, root));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  std::filesystem::remove_all(root);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace toast::dns
