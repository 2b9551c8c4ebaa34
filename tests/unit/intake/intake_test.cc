// What a submission says arrives in the queue, whole.
#include "tests/unit/queue/queue_fixture.h"

namespace toast::queue {
namespace {

class IntakeTest : public QueueTest {
 protected:
  // Submits and returns what the store holds then.
  std::optional<Envelope> keep(SubmitBegin begin) {
    directory_.failing = true;  // it stays in the queue
    begin.submission = ++submission_;
    begin.id = next_id();
    smtpd_->notify(std::move(begin));
    EXPECT_TRUE(finish(submission_, "x\n"));
    for (const MessageState& message : store_.live()) return message.envelope.unpack();
    return std::nullopt;
  }
  bool finish(std::uint32_t number, std::string content) {
    std::optional<bool> stored;
    asio::co_spawn(io_, send_body(number, std::move(content)),
                   [&stored](std::exception_ptr, Result<ipc::Done> r) { stored = r.has_value(); });
    return run_until([&stored] { return stored.has_value(); }) && *stored;
  }
};

TEST_F(IntakeTest, EverythingOfTheEnvelopeIsKept) {
  SubmitBegin begin;
  begin.reverse_path = address("list-@client.test");
  begin.verp = true;
  begin.recipients = {{address("ann@example.org"), kNotifySuccess | kNotifyDelay, "rfc822;a+2Bb"},
                      {address("bob@example.org"), kNotifyNever, {}}};
  begin.body_type = BodyType::eight_bit_mime;
  begin.smtputf8 = true;
  begin.ret = DsnReturn::headers;
  begin.envid = "QQ 314159";
  begin.peer = "192.0.2.7";
  begin.helo = "client.test";
  begin.authenticated = "carl@example.org";
  Envelope wanted;
  wanted.reverse_path = "list-@client.test-@[]";  // as qmail writes it
  wanted.recipients = {
      {"ann@example.org", {}, "rfc822;a+2Bb", std::uint8_t{kNotifySuccess | kNotifyDelay}},
      {"bob@example.org", {}, {}, kNotifyNever}};
  wanted.eight_bit_mime = wanted.smtputf8 = wanted.verp = true;
  wanted.ret = DsnReturn::headers;
  wanted.envid = "QQ 314159";
  wanted.peer = "192.0.2.7";
  wanted.helo = "client.test";
  wanted.authenticated = "carl@example.org";
  const std::optional<Envelope> kept = keep(std::move(begin));
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, wanted);
}

TEST_F(IntakeTest, APlainEnvelopeSaysNothingMore) {
  SubmitBegin begin;
  begin.recipients.emplace_back(address("ann@example.org"));
  const std::optional<Envelope> kept = keep(std::move(begin));
  ASSERT_TRUE(kept);
  Envelope wanted;
  wanted.recipients = {{"ann@example.org", {}, {}, 0}};
  EXPECT_EQ(*kept, wanted);
}

}  // namespace
}  // namespace toast::queue
