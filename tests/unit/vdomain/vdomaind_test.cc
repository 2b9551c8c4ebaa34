// The keeper behind its sockets: every role gets its own answers, and no others.
#include "vdomain/vdomaind.h"

#include <filesystem>

#include "tests/unit/vdomain/keeper_fixture.h"

namespace toast::vdomain {

// On the spot, and on threads.
class VdomaindTest : public KeeperTest, public testing::WithParamInterface<std::size_t> {
 protected:
  VdomaindTest()
      : program_({database_, root_ + "/mail", Domain::parse("mx.test").value()}, clock_, log_,
                 *metrics_, GetParam()) {}

  // Asks as `peer` does and returns the answer.
  template <class Request>
  Result<typename Request::Reply> ask(const std::string& peer, Request request) {
    const std::shared_ptr<const ipc::Dispatcher> dispatcher = program_.dispatcher_for(peer);
    if (!dispatcher) return transient("refused");
    SocketPair pair = make_socket_pair().value();
    asio::io_context io(1);
    auto keeper_end = ipc::Channel::open(io.get_executor(), std::move(pair.left), peer);
    auto peer_end = ipc::Channel::open(io.get_executor(), std::move(pair.right), "toast-vdomaind");
    keeper_end->start(dispatcher, [](const Error&) {});
    peer_end->start(std::make_shared<ipc::Dispatcher>(), [](const Error&) {});
    Result<typename Request::Reply> answer = transient("no answer");
    spawn(io.get_executor(), put(peer_end, std::move(request), answer, io));
    io.run();
    keeper_end->close("done");
    peer_end->close("done");
    io.restart();
    io.poll();
    return answer;
  }
  template <class Request>
  static Task<> put(std::shared_ptr<ipc::Channel> channel, Request request,
                    Result<typename Request::Reply>& answer, asio::io_context& io) {
    answer = co_await channel->call(std::move(request));
    io.stop();
  }

  Vdomaind program_;
};

TEST_P(VdomaindTest, EachRoleGetsItsAnswers) {
  add_domain("a.test");
  add_mailbox("ann@a.test");
  const Address ann = Address::parse("ann@a.test").value();
  const auto accepted = ask("toast-smtpd.1", CheckRecipient{ann, 0});
  ASSERT_TRUE(accepted) << accepted.error().detail;
  EXPECT_EQ(accepted->verdict, CheckRecipient::Verdict::accept);
  const auto resolved = ask("toast-queued.0", Resolve{ann});
  ASSERT_TRUE(resolved) << resolved.error().detail;
  EXPECT_EQ(resolved->instructions.size(), 1U);
  auth::FindAccount login;
  login.login = "ann@a.test";
  const auto account = ask("toast-authd.0", login);
  ASSERT_TRUE(account) << account.error().detail;
  EXPECT_TRUE(account->allowed);
}

TEST_P(VdomaindTest, AndNoOthers) {
  const Address ann = Address::parse("ann@a.test").value();
  auth::FindAccount login;
  login.login = "ann@a.test";
  EXPECT_FALSE(ask("toast-smtpd.0", login));  // a hijacked smtpd learns no accounts
  EXPECT_FALSE(ask("toast-smtpd.0", Resolve{ann}));
  EXPECT_FALSE(ask("toast-authd.0", Resolve{ann}));
  EXPECT_FALSE(ask("toast-maild.0", Resolve{ann}));
  EXPECT_TRUE(ask("toast-maild.0", Resolve{Address::parse("postmaster@a.test").value()}));
  EXPECT_TRUE(ask("toast-maild.0", FindQuotaDomains{}));
  EXPECT_FALSE(ask("toast-queued.0", FindQuotaDomains{}));
  EXPECT_EQ(program_.dispatcher_for("toast-pop3d.0"), nullptr);
  EXPECT_EQ(program_.dispatcher_for("toast-smtpdx.0"), nullptr);
  EXPECT_EQ(program_.dispatcher_for(""), nullptr);
}

TEST_P(VdomaindTest, AnOutageIsAnErrorReply) {
  std::filesystem::remove(database_);
  const auto answer = ask("toast-smtpd.0", CheckRecipient{Address::parse("ann@a.test").value(), 0});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::transient);
  EXPECT_EQ(answer.error().reply, "4.3.0 try again later");
}

INSTANTIATE_TEST_SUITE_P(Threads, VdomaindTest, testing::Values(0, 3));

}  // namespace toast::vdomain
