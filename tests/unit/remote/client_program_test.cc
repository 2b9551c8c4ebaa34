// The program toast-remoted itself, with its sandbox entered: this test is its toastd, its queued
// and the hosts that it delivers to. What the sandbox would forbid (sockets, source addresses,
// local sockets, threads that read blobs) shows here and nowhere else.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "base/control_messages.h"
#include "base/ipc.h"
#include "mta/remote/delivery_messages.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/remote/smtp_sink.h"

namespace toast::remote {
namespace {

using TcpSink = SmtpSink<asio::ip::tcp>;
using LocalSink = SmtpSink<asio::local::stream_protocol>;
using testing::HasSubstr;

class RemotedProgram : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/toast-remoted-program-XXXXXX";
    root_ = ::mkdtemp(pattern);
    ASSERT_EQ(::mkdir((root_ + "/relay-auth").c_str(), 0700), 0);
    SocketPair control = make_socket_pair().value();
    const int theirs = control.right.get();
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) {
      if (theirs == control::kControlDescriptor ? ::fcntl(theirs, F_SETFD, 0) != 0
                                                : ::dup2(theirs, control::kControlDescriptor) < 0)
        ::_exit(126);
      ::execl(TOAST_REMOTED, "toast-remoted", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    control_ = open_channel(std::move(control.left));
    ASSERT_NO_FATAL_FAILURE(become_its_parent());
  }
  void TearDown() override {
    if (child_ > 0) {
      ::kill(child_, SIGKILL);
      ::waitpid(child_, nullptr, 0);
    }
    std::filesystem::remove_all(root_);
  }
  std::shared_ptr<ipc::Channel> open_channel(Fd socket) {
    auto channel = ipc::Channel::open(io_.get_executor(), std::move(socket), "toast-remoted");
    channel->start(nullptr, [](const Error&) {});
    return channel;
  }
  void become_its_parent() {
    control::Startup startup;
    startup.program = "toast-remoted";
    startup.root = root_;
    startup.unprivileged = true;
    startup.boot_id = "test";
    startup.sockets = 1;
    startup.settings = {{"me", "mx.example.org\n"},
                        {"dnsservers", "127.0.0.1:1\n"},
                        {"outgoingip", "elsewhere.test 127.0.0.2 out.elsewhere.test\n"}};
    Started<Result<control::Startup::Reply>> ready(io_, control_->call(std::move(startup)));
    SocketPair pair = make_socket_pair().value();
    control::GiveSocket given;
    given.role = control::SocketRole::client;
    given.name = "toast-queued.0";
    given.descriptor = std::move(pair.right);
    Started<Result<ipc::Done>> taken(io_, control_->call(std::move(given)));
    queued_ = open_channel(std::move(pair.left));
    while (!ready.ready()) {
      io_.restart();
      ASSERT_GT(io_.run_one(), 0U);
    }
    ASSERT_TRUE(ready.value()) << ready.value().error().detail;
  }
  static DeliverRemote request_to(const std::string& hop) {
    DeliverRemote request;
    request.message = MessageId(1);
    request.next_hop = NextHop::parse(hop).value();
    request.reverse_path = "bob@client.test";
    request.recipients.push_back({Address::parse("ann@example.org").value(), 0, {}});
    request.body = "Subject: x\n\ntext\n";
    request.body_bytes = request.body.size();
    return request;
  }
  DeliverRemote::Reply deliver(DeliverRemote request) {
    auto reply = run_task(io_, queued_->call(std::move(request)));
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().detail);
    if (!reply || reply->outcomes.size() != 1) return {};
    return std::move(*reply);
  }
  static std::string hop_of(const TcpSink& sink) {
    return "[127.0.0.1]:" + std::to_string(sink.endpoint().port());
  }
  static asio::ip::tcp::endpoint loopback() { return {asio::ip::address_v4::loopback(), 0}; }

  std::string root_;
  asio::io_context io_;
  pid_t child_ = -1;
  std::shared_ptr<ipc::Channel> control_;
  std::shared_ptr<ipc::Channel> queued_;
};

TEST_F(RemotedProgram, DeliversOverOneConnection) {
  TcpSink sink(io_, loopback());
  for (int i = 0; i < 3; ++i) {
    const DeliverRemote::Reply reply = deliver(request_to(hop_of(sink)));
    ASSERT_EQ(reply.outcomes.size(), 1U);
    EXPECT_EQ(reply.outcomes[0].kind, DeliverRemote::Outcome::Kind::delivered);
    EXPECT_EQ(reply.outcomes[0].text, "2.0.0 Remote host said: 250 ok");
    EXPECT_EQ(reply.remote, hop_of(sink));
    EXPECT_TRUE(reply.reached);
  }
  EXPECT_EQ(sink.peers.size(), 1U);
  EXPECT_THAT(sink.messages, testing::Each("Subject: x\r\n\r\ntext\r\n.\r\n"));
  EXPECT_EQ(sink.commands.front(), "EHLO mx.example.org");
}

TEST_F(RemotedProgram, ReadsLargeMessagesFromTheDescriptor) {
  TcpSink sink(io_, loopback());
  char path[] = "/tmp/toast_blob_XXXXXX";
  Fd blob(::mkstemp(path));
  ::unlink(path);
  std::string text;
  while (text.size() < 1'000'000) text += "a line of a large message\n";
  ASSERT_TRUE(write_all(blob, text, "blob"));
  DeliverRemote request = request_to(hop_of(sink));
  request.body = "Delivered-To: ann@example.org\n";
  request.body_bytes = text.size();
  request.descriptor = std::move(blob);
  const DeliverRemote::Reply reply = deliver(std::move(request));
  ASSERT_EQ(reply.outcomes.size(), 1U);
  EXPECT_EQ(reply.outcomes[0].kind, DeliverRemote::Outcome::Kind::delivered);
  ASSERT_EQ(sink.messages.size(), 1U);
  const std::size_t lines = text.size() / 26;
  EXPECT_EQ(sink.messages[0].size(), 31 + text.size() + lines + 3);
  EXPECT_TRUE(sink.messages[0].starts_with("Delivered-To: ann@example.org\r\na line of"));
}

TEST_F(RemotedProgram, ConnectsFromTheSendersAddress) {
  TcpSink sink(io_, loopback());
  DeliverRemote request = request_to(hop_of(sink));
  request.reverse_path = "bob@elsewhere.test";
  (void)deliver(std::move(request));
  (void)deliver(request_to(hop_of(sink)));
  EXPECT_THAT(sink.peers, testing::ElementsAre("127.0.0.2", "127.0.0.1"));
  EXPECT_EQ(sink.commands.front(), "EHLO out.elsewhere.test");
}

TEST_F(RemotedProgram, SpeaksLmtpToALocalSocket) {
  const std::string path = root_ + "/lmtp";
  LocalSink sink(io_, {path});
  const DeliverRemote::Reply reply = deliver(request_to("lmtp:" + path));
  ASSERT_EQ(reply.outcomes.size(), 1U);
  EXPECT_EQ(reply.outcomes[0].kind, DeliverRemote::Outcome::Kind::delivered);
  EXPECT_EQ(reply.remote, path);
  EXPECT_EQ(sink.commands.front(), "LHLO mx.example.org");
}

TEST_F(RemotedProgram, SaysWhyNobodyIsThere) {
  // Bound, but nobody listens.
  asio::ip::tcp::socket bound(io_, loopback());
  const unsigned short port = bound.local_endpoint().port();
  struct {
    std::string hop, text;
  } const kCases[] = {
      {"[127.0.0.1]:" + std::to_string(port), "4.4.1 127.0.0.1:" + std::to_string(port)},
      {"lmtp:" + root_ + "/nobody", "4.4.1 " + root_ + "/nobody: No such file"},
  };
  for (const auto& c : kCases) {
    const DeliverRemote::Reply reply = deliver(request_to(c.hop));
    ASSERT_EQ(reply.outcomes.size(), 1U) << c.hop;
    EXPECT_EQ(reply.outcomes[0].kind, DeliverRemote::Outcome::Kind::deferred);
    EXPECT_THAT(reply.outcomes[0].text, testing::StartsWith(c.text));
    EXPECT_FALSE(reply.reached);
  }
}

TEST_F(RemotedProgram, CutsAnEndlessReply) {
  TcpSink sink(io_, loopback());
  sink.greeting = "220 " + std::string(1 << 20, 'x');
  const DeliverRemote::Reply reply = deliver(request_to(hop_of(sink)));
  ASSERT_EQ(reply.outcomes.size(), 1U);
  EXPECT_THAT(reply.outcomes[0].text, HasSubstr("an endless reply to the greeting"));
}

}  // namespace
}  // namespace toast::remote
