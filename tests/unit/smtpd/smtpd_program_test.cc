// The program toast-smtpd itself, with its sandbox entered: this test is its toastd, its vdomaind
// and its queued. What the sandbox would forbid, and what happens when a keeper dies and comes
// back, shows here.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/control_messages.h"
#include "mta/queue/submit_messages.h"
#include "tests/dialogue/runner.h"
#include "vdomain/resolver_messages.h"

namespace toast::smtpd {
namespace {

constexpr std::chrono::seconds kPatience{20};

class Client final : public dialogue::SocketPartner {
 public:
  Client(asio::io_context& io, unsigned short port) : SocketPartner(io) {
    set_socket(*dialogue::connect_loopback(port));
  }
  Result<void> given(std::string_view) override { return {}; }
  Result<void> then(std::string_view) override { return {}; }
  Result<void> connect() override { return {}; }
  // The last line of the next reply.
  std::string reply() {
    while (true) {
      const std::size_t end = received.find("\r\n");
      if (end == std::string::npos) {
        if (server_closed || !pump()) return "(nothing)";
        continue;
      }
      std::string line = received.substr(0, end);
      received.erase(0, end + 2);
      if (line.size() < 4 || line[3] != '-') return line;
    }
  }
  std::string say(const std::string& line) {
    send(line + "\r\n");
    return reply();
  }
};

class SmtpdProgram : public testing::Test {
 protected:
  void SetUp() override {
    Fd listener{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
    ASSERT_EQ(::listen(listener.get(), 16), 0);
    socklen_t size = sizeof name;
    ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
    ASSERT_NO_FATAL_FAILURE(start_program());
    ASSERT_NO_FATAL_FAILURE(become_its_parent(std::move(listener)));
  }
  void TearDown() override {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  void start_program() {
    SocketPair control = make_socket_pair().value();
    const int theirs = control.right.get();
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      if (theirs == control::kControlDescriptor ? ::fcntl(theirs, F_SETFD, 0) != 0
                                                : ::dup2(theirs, control::kControlDescriptor) < 0)
        ::_exit(126);
      ::execl(TOAST_SMTPD, "toast-smtpd", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    control_ = open(std::move(control.left), nullptr);
  }
  void become_its_parent(Fd listener) {
    control::Startup startup;
    startup.program = "toast-smtpd";
    startup.root = "/nonexistent";
    startup.unprivileged = true;
    startup.boot_id = "test";
    startup.sockets = 3;
    startup.settings = {{"me", "mx.example.org\n"}, {"databytes", "1000000\n"}};
    bool ready = false;
    start_call(std::move(startup), [&ready](bool ok) { ready = ok; });
    give(control::SocketRole::listener, "smtp", std::move(listener));
    give_link("toast-vdomaind", vdomaind());
    queued_ = give_link("toast-queued", queued());
    ASSERT_TRUE(run_until([&ready] { return ready; }));
  }

  std::shared_ptr<ipc::Channel> open(Fd socket, std::shared_ptr<const ipc::Dispatcher> answers) {
    auto channel = ipc::Channel::open(io_.get_executor(), std::move(socket), "toast-smtpd");
    channel->start(std::move(answers), [](const Error&) {});
    channels_.push_back(channel);
    return channel;
  }
  template <class Request, class Done>
  void start_call(Request request, Done done) {
    spawn(io_.get_executor(), call(control_, std::move(request), std::move(done)));
  }
  template <class Request, class Done>
  static Task<> call(std::shared_ptr<ipc::Channel> channel, Request request, Done done) {
    auto reply = co_await channel->call(std::move(request));
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().detail);
    done(reply.has_value());
  }
  void give(control::SocketRole role, const std::string& name, Fd descriptor) {
    control::GiveSocket gift;
    gift.role = role;
    gift.name = name;
    gift.descriptor = std::move(descriptor);
    start_call(std::move(gift), [](bool) {});
  }
  std::shared_ptr<ipc::Channel> give_link(const std::string& keeper,
                                          std::shared_ptr<const ipc::Dispatcher> answers) {
    SocketPair pair = make_socket_pair().value();
    give(control::SocketRole::link, keeper, std::move(pair.right));
    return open(std::move(pair.left), std::move(answers));
  }
  static std::shared_ptr<const ipc::Dispatcher> vdomaind() {
    using vdomain::CheckRecipient;
    auto answers = std::make_shared<ipc::Dispatcher>();
    answers->on<CheckRecipient>([](CheckRecipient question) -> Task<Result<CheckRecipient::Reply>> {
      const bool known = question.recipient.str() == "ann@example.org";
      co_return CheckRecipient::Reply{
          known ? CheckRecipient::Verdict::accept : CheckRecipient::Verdict::unknown, ""};
    });
    return answers;
  }
  std::shared_ptr<const ipc::Dispatcher> queued() {
    auto answers = std::make_shared<ipc::Dispatcher>();
    answers->on_notice<queue::SubmitBegin>([](queue::SubmitBegin) {});
    answers->on_notice<queue::SubmitAbort>([this](queue::SubmitAbort) { body_.clear(); });
    answers->on<queue::CheckSpace>(
        [](queue::CheckSpace) -> Task<Result<ipc::Done>> { co_return ipc::Done{}; });
    answers->on<queue::SubmitChunk>([this](queue::SubmitChunk m) -> Task<Result<ipc::Done>> {
      body_ += m.bytes;
      co_return ipc::Done{};
    });
    answers->on<queue::SubmitEnd>([this](queue::SubmitEnd m) -> Task<Result<ipc::Done>> {
      accepted_.push_back(std::move(body_) + m.bytes);
      body_.clear();
      co_return ipc::Done{};
    });
    return answers;
  }
  template <class Condition>
  bool run_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      io_.restart();
      io_.run_for(std::chrono::milliseconds{2});
    }
    return true;
  }
  void begin_message(Client& client) {
    EXPECT_EQ(client.say("MAIL FROM:<bob@client.example>"), "250 2.1.0 ok");
    EXPECT_EQ(client.say("RCPT TO:<nobody@example.org>"), "550 5.1.1 no such mailbox");
    EXPECT_EQ(client.say("RCPT TO:<ann@example.org>"), "250 2.1.5 ok");
    EXPECT_EQ(client.say("DATA").substr(0, 3), "354");
  }

  asio::io_context io_;
  pid_t child_ = -1;
  unsigned short port_ = 0;
  std::vector<std::shared_ptr<ipc::Channel>> channels_;
  std::shared_ptr<ipc::Channel> control_;
  std::shared_ptr<ipc::Channel> queued_;
  std::string body_;
  std::vector<std::string> accepted_;
};

TEST_F(SmtpdProgram, ServesInItsSandboxAndSurvivesItsKeepers) {
  Client client(io_, port_);
  EXPECT_EQ(client.reply(), "220 mx.example.org ESMTP");
  EXPECT_EQ(client.say("EHLO client.example"), "250 DSN");
  begin_message(client);
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += "line " + std::to_string(i) + " of several chunks\r\n";
  client.send(lines);
  EXPECT_EQ(client.say(".").substr(0, 14), "250 2.6.0 ok 1");
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(accepted_[0].substr(0, 28), "Received: from client.exampl");
  EXPECT_TRUE(accepted_[0].ends_with("line 2999 of several chunks\n"));

  // queued dies in mid-message: 451, nothing accepted, and the session goes on
  begin_message(client);
  queued_->close("killed");
  client.send("a message that queued will not see\r\n");
  EXPECT_EQ(client.say("."), "451 4.3.0 try again later");
  EXPECT_EQ(client.say("MAIL FROM:<bob@client.example>").substr(0, 9), "451 4.3.0");
  EXPECT_EQ(client.say("NOOP"), "250 2.0.0 ok");

  // toastd re-wires its successor
  queued_ = give_link("toast-queued", queued());
  ASSERT_TRUE(
      run_until([&] { return client.say("MAIL FROM:<bob@client.example>") == "250 2.1.0 ok"; }));
  EXPECT_EQ(client.say("RSET"), "250 2.0.0 ok");
  begin_message(client);
  EXPECT_EQ(client.say("second\r\n.").substr(0, 12), "250 2.6.0 ok");
  EXPECT_EQ(accepted_.size(), 2U);

  // new settings hold for new connections
  control::Prepare next{{{"me", "mx.example.org\n"}, {"smtpgreeting", "mx.example.org hello\n"}}};
  bool done = false;
  start_call(std::move(next), [](bool) {});
  start_call(control::Commit{}, [&done](bool ok) { done = ok; });
  ASSERT_TRUE(run_until([&done] { return done; }));
  Client other(io_, port_);
  EXPECT_EQ(other.reply(), "220 mx.example.org hello ESMTP");

  start_call(control::Drain{}, [](bool) {});
  EXPECT_EQ(client.reply(), "421 4.3.2 shutting down, try again in a moment");
  EXPECT_EQ(other.reply(), "421 4.3.2 shutting down, try again in a moment");
  int status = 0;
  ASSERT_TRUE(run_until([&] { return ::waitpid(child_, &status, WNOHANG) == child_; }));
  child_ = -1;
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace toast::smtpd
