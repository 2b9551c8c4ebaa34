// The clients of vdomaind and queued, against keepers at the other end of a real socketpair.
#include <gtest/gtest.h>

#include <deque>

#include "mta/queue/submit_messages.h"
#include "mta/smtpd/queue_client.h"
#include "mta/smtpd/recipient_client.h"
#include "vdomain/resolver_messages.h"

namespace toast::smtpd {
namespace {

using Verdicts = vdomain::CheckRecipient::Verdict;

class ClientsTest : public testing::Test {
 protected:
  std::shared_ptr<ipc::Channel> connect(ipc::Link& link, ipc::Dispatcher dispatcher) {
    auto pair = make_socket_pair();
    EXPECT_TRUE(pair);
    auto ours = ipc::Channel::open(io_.get_executor(), std::move(pair->left), "keeper");
    ours->start(std::make_shared<ipc::Dispatcher>(), [](const Error&) {});
    link.attach(ours);
    auto theirs = ipc::Channel::open(io_.get_executor(), std::move(pair->right), "smtpd");
    theirs->start(std::make_shared<ipc::Dispatcher>(std::move(dispatcher)), [](const Error&) {});
    return theirs;
  }
  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    spawn(io_.get_executor(), keep(std::move(task), result));
    io_.restart();
    while (!result) {
      if (io_.run_one_for(std::chrono::seconds{20}) == 0) ADD_FAILURE() << "no answer";
      if (io_.stopped()) break;
    }
    return std::move(*result);
  }
  template <class Condition>
  bool run_until(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition() && std::chrono::steady_clock::now() < give_up) {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds{20});
    }
    return condition();
  }
  template <class T>
  static Task<> keep(Task<T> task, std::optional<T>& result) {
    result = co_await std::move(task);
  }
  asio::io_context io_;
  FakeClock clock_;
};

Address ann() { return *Address::parse("ann@example.org"); }

Envelope envelope() {
  return {MessageId(7),
          *Address::parse("bob@client.example"),
          {{ann(), {smtp::kNotifyDelay, "rfc822;a"}}},
          {5, smtp::BodyType::eight_bit_mime, smtp::DsnReturn::headers, "QQ314159", {}},
          "192.0.2.7",
          "client.example",
          "c1"};
}

TEST_F(ClientsTest, RecipientVerdicts) {
  ipc::Link link("toast-vdomaind");
  RecipientClient client(link);
  Verdicts answer = Verdicts::accept;
  ipc::Dispatcher dispatcher;
  dispatcher.on<vdomain::CheckRecipient>(
      [&answer](vdomain::CheckRecipient question) -> Task<Result<vdomain::CheckRecipient::Reply>> {
        EXPECT_EQ(question.recipient.str(), "ann@example.org");
        EXPECT_EQ(question.size_bytes, 5U);
        co_return vdomain::CheckRecipient::Reply{answer, "because"};
      });
  const auto keeper = connect(link, std::move(dispatcher));
  const std::pair<Verdicts, Verdict> table[] = {{Verdicts::accept, Verdict::accept},
                                                {Verdicts::unknown, Verdict::unknown},
                                                {Verdicts::over_quota, Verdict::over_quota},
                                                {Verdicts::suspended, Verdict::suspended},
                                                {Verdicts::not_local, Verdict::not_local}};
  for (const auto& [sent, wanted] : table) {
    answer = sent;
    const auto got = run(client.check(ann(), 5));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->verdict, wanted);
    EXPECT_EQ(got->reason, "because");
  }
}

// Whatever is wrong with the directory, it is never "unknown" and never permanent.
TEST_F(ClientsTest, RecipientErrorsAreTransient) {
  ipc::Link link("toast-vdomaind");
  RecipientClient client(link);
  EXPECT_EQ(run(client.check(ann(), 0)).error().failure, Failure::transient);  // not running
  ipc::Dispatcher dispatcher;
  dispatcher.on<vdomain::CheckRecipient>(
      [](vdomain::CheckRecipient) -> Task<Result<vdomain::CheckRecipient::Reply>> {
        co_return permanent("schema is too new", "5.3.5 schema is too new");
      });
  const auto keeper = connect(link, std::move(dispatcher));
  const auto got = run(client.check(ann(), 0));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().failure, Failure::transient);
  EXPECT_EQ(got.error().reply.substr(0, 5), "4.3.0");
}

// A keeper that writes down what it hears.
struct Heard {
  std::deque<std::string> events;
  std::optional<Error> end_error;
  std::optional<Error> space_error;
  std::optional<Error> redeem_error;

  ipc::Dispatcher dispatcher() {
    ipc::Dispatcher d;
    d.on_notice<queue::SubmitBegin>([this](queue::SubmitBegin m) {
      events.push_back("begin " + std::to_string(m.submission) + " " + m.id.str() + " " +
                       path_text(m.reverse_path) + " " + m.recipients.front().address.str() + " " +
                       m.peer + " " + m.helo);
      EXPECT_EQ(m.connection, "c1");
      EXPECT_EQ(m.body_type, queue::BodyType::eight_bit_mime);
      EXPECT_EQ(m.ret, queue::DsnReturn::headers);
      EXPECT_EQ(m.envid, "QQ314159");
      EXPECT_EQ(m.recipients.front().notify, queue::kNotifyDelay);
      EXPECT_EQ(m.recipients.front().orcpt, "rfc822;a");
    });
    d.on_notice<queue::SubmitAbort>([this](queue::SubmitAbort m) {
      events.push_back("abort " + std::to_string(m.submission));
    });
    d.on<queue::SubmitChunk>([this](queue::SubmitChunk m) -> Task<Result<ipc::Done>> {
      events.push_back("chunk " + std::to_string(m.submission) + " " + m.bytes);
      co_return ipc::Done{};
    });
    d.on<queue::SubmitEnd>([this](queue::SubmitEnd m) -> Task<Result<ipc::Done>> {
      events.push_back("end " + std::to_string(m.submission) + " " + m.bytes);
      if (end_error) co_return tl::unexpected(*end_error);
      co_return ipc::Done{};
    });
    d.on<queue::CheckSpace>([this](queue::CheckSpace m) -> Task<Result<ipc::Done>> {
      events.push_back("space " + std::to_string(m.size_bytes) +
                       (m.connection.empty() ? "" : " " + m.connection));
      if (space_error) co_return tl::unexpected(*space_error);
      co_return ipc::Done{};
    });
    d.on<queue::RedeemTicket>([this](queue::RedeemTicket m) -> Task<Result<ipc::Done>> {
      events.push_back("redeem " + m.ticket + " " + m.connection);
      if (redeem_error) co_return tl::unexpected(*redeem_error);
      co_return ipc::Done{};
    });
    d.on_notice<queue::EndLogin>(
        [this](queue::EndLogin m) { events.push_back("end " + m.connection); });
    return d;
  }
  std::string take() {
    if (events.empty()) return "nothing";
    std::string event = std::move(events.front());
    events.pop_front();
    return event;
  }
};

TEST_F(ClientsTest, SmallMessageIsBeginAndEnd) {
  ipc::Link link("toast-queued");
  QueueClient client(link, clock_);
  EXPECT_FALSE(client.available());
  Heard heard;
  const auto keeper = connect(link, heard.dispatcher());
  EXPECT_TRUE(client.available());
  auto submission = client.submit(envelope());
  EXPECT_TRUE(run(submission->finish("body\n")));
  EXPECT_EQ(heard.take(), "begin 1 " + MessageId(7).str() +
                              " bob@client.example ann@example.org 192.0.2.7 client.example");
  EXPECT_EQ(heard.take(), "end 1 body\n");
  submission.reset();
  auto next = client.submit(envelope());
  EXPECT_TRUE(run(next->chunk("one")));
  EXPECT_TRUE(run(next->finish("two")));
  EXPECT_EQ(heard.take().substr(0, 7), "begin 2");
  EXPECT_EQ(heard.take(), "chunk 2 one");
  EXPECT_EQ(heard.take(), "end 2 two");
}

TEST_F(ClientsTest, UnfinishedSubmissionsAreAborted) {
  ipc::Link link("toast-queued");
  QueueClient client(link, clock_);
  Heard heard;
  const auto keeper = connect(link, heard.dispatcher());
  { auto never_begun = client.submit(envelope()); }
  {
    auto begun = client.submit(envelope());
    EXPECT_TRUE(run(begun->chunk("one")));
  }
  EXPECT_TRUE(run(client.check_space(0, "")));  // messages arrive in order: this one is the last
  EXPECT_EQ(heard.take().substr(0, 7), "begin 2");
  EXPECT_EQ(heard.take(), "chunk 2 one");
  EXPECT_EQ(heard.take(), "abort 2");
  EXPECT_EQ(heard.take(), "space 0");
}

TEST_F(ClientsTest, QueueErrorsKeepTheirKind) {
  ipc::Link link("toast-queued");
  QueueClient client(link, clock_);
  Heard heard;
  heard.end_error = Error{Failure::permanent, "5.7.1 spam", "the filter"};
  const auto keeper = connect(link, heard.dispatcher());
  const auto refused = run(client.submit(envelope())->finish("x"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::permanent);
  EXPECT_EQ(refused.error().reply, "5.7.1 spam");
}

// What a login may is remembered by the queued that saw its ticket, until the session ends.
TEST_F(ClientsTest, ARightHoldsAsLongAsItsQueued) {
  ipc::Link link("toast-queued");
  QueueClient client(link, clock_);
  EXPECT_FALSE(run(client.redeem("ticket", "c1")));  // not running
  Heard heard;
  const auto keeper = connect(link, heard.dispatcher());
  auto right = run(client.redeem("ticket", "c1"));
  ASSERT_TRUE(right);
  EXPECT_EQ(heard.take(), "redeem ticket c1");
  EXPECT_TRUE((*right)->holds());
  EXPECT_TRUE(run(client.check_space(0, "c1")));
  EXPECT_TRUE(run(client.check_space(0, "c1")));  // asked each time: limits move
  EXPECT_EQ(heard.take(), "space 0 c1");
  EXPECT_EQ(heard.take(), "space 0 c1");
  right->reset();
  EXPECT_TRUE(run(client.check_space(0, "c1")));
  EXPECT_EQ(heard.take(), "end c1");
  heard.events.clear();
  heard.redeem_error = Error{Failure::permanent, "4.7.0 log in again", "used before"};
  const auto refused = run(client.redeem("ticket", "c1"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::transient);
  heard.redeem_error.reset();
  auto lost = run(client.redeem("ticket", "c2"));
  ASSERT_TRUE(lost);
  keeper->close("killed");
  EXPECT_TRUE(run_until([&] { return !(*lost)->holds(); }));
}

// A submission does not go on with the queued that comes after the one it began with.
TEST_F(ClientsTest, QueueDiesMidway) {
  ipc::Link link("toast-queued");
  QueueClient client(link, clock_);
  Heard first;
  auto keeper = connect(link, first.dispatcher());
  auto submission = client.submit(envelope());
  EXPECT_TRUE(run(submission->chunk("one")));
  keeper->close("killed");
  Heard second;
  const auto successor = connect(link, second.dispatcher());
  const auto got = run(submission->finish("two"));
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().failure, Failure::transient);
  EXPECT_EQ(second.take(), "nothing");
}

TEST_F(ClientsTest, SpaceIsAskedOnceASecondForSmallMessages) {
  ipc::Link link("toast-queued");
  QueueClient client(link, clock_);
  Heard heard;
  const auto keeper = connect(link, heard.dispatcher());
  EXPECT_TRUE(run(client.check_space(0, "")));
  EXPECT_TRUE(run(client.check_space(1000, "")));
  EXPECT_EQ(heard.events.size(), 1U);
  EXPECT_TRUE(run(client.check_space(1U << 30U, "")));  // a large one changes the answer
  EXPECT_EQ(heard.events.size(), 2U);
  clock_.advance(std::chrono::seconds{2});
  heard.space_error = Error{Failure::transient, "4.3.1 not enough space", "low water"};
  EXPECT_FALSE(run(client.check_space(0, "")));
  EXPECT_FALSE(run(client.check_space(0, "")));  // a refusal is not remembered
  EXPECT_EQ(heard.events.size(), 4U);
}

}  // namespace
}  // namespace toast::smtpd
