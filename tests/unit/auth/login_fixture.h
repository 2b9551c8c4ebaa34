// A LoginService among fakes: a directory and credentials in memory, a clock that stands still, a
// hasher that counts, a log that is kept.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/login_service.h"
#include "tests/contract/credentials/memory_credentials.h"
#include "tests/unit/auth/counting_hasher.h"
#include "tests/unit/auth/run_task.h"

namespace toast::auth {

class FakeDirectory final : public AccountDirectory {
 public:
  Task<Result<FindAccount::Reply>> find(FindAccount question) override {
    asked.push_back(question.login);
    locals.push_back(question.local);
    if (down) co_return transient("toast-vdomaind is not running");
    auto found = accounts.find(question.login);
    if (found != accounts.end()) co_return found->second;
    FindAccount::Reply nobody;
    const std::size_t at = question.login.find('@');
    nobody.domain = at == std::string::npos ? "example.org" : question.login.substr(at + 1);
    co_return nobody;
  }
  void add(const std::string& login, const std::string& mailbox, bool allowed = true) {
    FindAccount::Reply reply;
    reply.found = true;
    reply.allowed = allowed;
    reply.domain = mailbox.substr(mailbox.find('@') + 1);
    reply.mailbox = mailbox;
    reply.maildir = "example.org/" + mailbox.substr(0, mailbox.find('@'));
    reply.quota_bytes = 1000;
    accounts[login] = reply;
  }
  std::map<std::string, FindAccount::Reply> accounts;
  std::vector<std::string> asked;
  std::vector<std::string> locals;  // with them: the address that was connected to
  bool down = false;
};

// The programs of domains: what they were asked, and one answer to all of it.
class FakePrograms final : public PasswordPrograms {
 public:
  struct Asked {
    std::string login;
    std::string password;
    friend bool operator==(const Asked&, const Asked&) = default;
  };
  bool check_for(std::string_view domain) const override { return domain == of && !of.empty(); }
  Task<Result<CheckByProgram::Reply>> check(CheckByProgram question) override {
    EXPECT_EQ(question.domain, of);
    asked.push_back({question.login, std::string(question.password.view())});
    if (away) co_return transient("toast-spawnd is not running");
    if (verdict != CheckByProgram::Verdict::right)
      co_return CheckByProgram::Reply{verdict, "exit 111"};
    co_return CheckByProgram::Reply{
        asked.back().password == "elsewhere" ? verdict : CheckByProgram::Verdict::wrong, {}};
  }
  std::string of;  // the domain that has one; empty: none
  CheckByProgram::Verdict verdict = CheckByProgram::Verdict::right;
  bool away = false;
  std::vector<Asked> asked;
};

// Keeps what would be logged, to see that it never holds a password.
class KeepingLogger final : public Logger {
 public:
  void write(Severity severity, std::string_view event,
             std::initializer_list<Field> fields) override {
    lines.push_back(format_log_line(WallTime{}, "authd", severity, event, fields));
  }
  std::size_t count(std::string_view text) const {
    return static_cast<std::size_t>(std::count_if(
        lines.begin(), lines.end(),
        [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }
  std::vector<std::string> lines;
};

inline Secret test_ticket_key() { return Secret(std::string(kTicketKeyBytes, 'k')); }

class LoginFixture : public testing::Test {
 public:
  using Outcome = Login::Outcome;

 protected:
  asio::io_context io_;
  FakeClock clock_;
  SeededRandom random_{1};
  KeepingLogger log_;
  Metrics metrics_;
  FakeDirectory directory_;
  FakePrograms programs_;
  MemoryCredentials credentials_;
  InlineCredentialsReader reader_{credentials_};
  CredentialsWriter writer_{credentials_};
  LoginRecorder recorder_{writer_, log_, metrics_};
  std::shared_ptr<CountingHasher> hasher_ = std::make_shared<CountingHasher>();
  HashPool hashes_{hasher_, {.threads = 1, .max_waiting = 4}};
  PasswordCache cache_{clock_, random_, std::chrono::seconds{600}};
  Throttle throttle_{{}, clock_, random_};
  std::vector<std::string> vchkpw_lines_;
  LoginWatch watch_{clock_, [this](std::string_view line) { vchkpw_lines_.emplace_back(line); }};
  TicketIssuer tickets_{test_ticket_key(), clock_};
  TicketVerifier verifier_{test_ticket_key(), clock_};
  LoginService service_{{directory_, reader_, writer_, recorder_, hashes_, cache_, throttle_,
                         tickets_, tickets_, clock_, random_, log_, metrics_, &watch_, &programs_}};

  void SetUp() override {
    directory_.add("ann@example.org", "ann@example.org");
    directory_.add("ann", "ann@example.org");                // default domain
    directory_.add("ann@alias.example", "ann@example.org");  // domain alias
    directory_.add("off@example.org", "off@example.org", false);
    directory_.add("none@example.org", "none@example.org");
    directory_.add("locked@example.org", "locked@example.org");
    directory_.add("legacy@example.org", "legacy@example.org");
    put("ann@example.org", "plain:secret");
    put("off@example.org", "plain:secret");
    put("locked@example.org", "plain:secret");
    put("orphan@example.org", "plain:secret");  // no such account in the directory
    put("legacy@example.org", "$1$salt$hash");
    EXPECT_TRUE(credentials_.set_state("locked@example.org", CredentialState::locked));
  }
  void put(const std::string& account, const std::string& hash) {
    EXPECT_TRUE(credentials_.put(account, hash, clock_.wall()));
  }
  static Login request(const std::string& name, const std::string& password,
                       const std::string& peer) {
    Login request;
    request.login = name;
    request.password = Secret(password);
    request.peer = peer;
    request.connection = "c0ffee";
    return request;
  }
  Result<Login::Reply> login(const std::string& name, const std::string& password,
                             const std::string& peer = "192.0.2.1") {
    return run_task(io_, service_.login("toast-pop3d.1", request(name, password, peer)));
  }
  Outcome outcome(const std::string& name, const std::string& password,
                  const std::string& peer = "192.0.2.1") {
    Result<Login::Reply> reply = login(name, password, peer);
    EXPECT_TRUE(reply) << reply.error().detail;
    return reply ? reply->outcome : Outcome::refused;
  }
};

}  // namespace toast::auth
