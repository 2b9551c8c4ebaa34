#include "mta/smtpd/queue_client.h"

#include "mta/queue/submit_messages.h"

namespace toast::smtpd {
namespace {

// Below the 10 minutes that a client waits for the reply to its final dot (RFC 5321, 4.5.3.2.6):
// past this the client hears 451 rather than nothing.
constexpr std::chrono::minutes kFinishTimeout{8};
constexpr std::chrono::minutes kChunkTimeout{2};
// One answer about space holds this long for messages that would not change it.
constexpr std::chrono::seconds kSpaceAnswerHolds{1};
constexpr std::uint64_t kSmallMessage = 256 * 1024;

static_assert(kMaxBodyChunk <= queue::kMaxChunk);

static_assert(smtp::kNotifyNever == queue::kNotifyNever &&
              smtp::kNotifySuccess == queue::kNotifySuccess &&
              smtp::kNotifyFailure == queue::kNotifyFailure &&
              smtp::kNotifyDelay == queue::kNotifyDelay);
static_assert(smtp::kMaxEnvid <= queue::kMaxEnvidBytes && smtp::kMaxOrcpt <= queue::kMaxOrcptBytes);

queue::BodyType translate(std::optional<smtp::BodyType> type) {
  return type == smtp::BodyType::eight_bit_mime ? queue::BodyType::eight_bit_mime
                                                : queue::BodyType::seven_bit;
}

// SubmitBegin is sent with the first chunk, so a small message is one write to queued. The channel
// is held: if queued is restarted midway, this submission fails and does not go on with the new
// one.
class QueueSubmission final : public Submission {
 public:
  QueueSubmission(std::shared_ptr<ipc::Channel> channel, queue::SubmitBegin begin)
      : channel_(std::move(channel)), number_(begin.submission), begin_(std::move(begin)) {}
  ~QueueSubmission() override {
    if (!begun_ || ended_ || !channel_->is_open()) return;
    channel_->notify(queue::SubmitAbort{number_});
  }
  QueueSubmission(const QueueSubmission&) = delete;
  QueueSubmission& operator=(const QueueSubmission&) = delete;

  Task<Result<void>> chunk(std::string bytes) override {
    if (!begin()) co_return gone();
    queue::SubmitChunk message{number_, std::move(bytes)};
    auto done = co_await channel_->call(std::move(message), kChunkTimeout);
    if (done) co_return Result<void>{};
    co_return pass(done);
  }

  Task<Result<void>> finish(std::string last_bytes) override {
    if (!begin()) co_return gone();
    queue::SubmitEnd message{number_, std::move(last_bytes)};
    auto done = co_await channel_->call(std::move(message), kFinishTimeout);
    ended_ = true;
    if (done) co_return Result<void>{};
    co_return pass(done);
  }

 private:
  bool begin() {
    if (!channel_ || !channel_->is_open()) return false;
    if (!begun_) channel_->notify(std::move(begin_));
    begun_ = true;
    return true;
  }
  static tl::unexpected<Error> gone() { return transient("toast-queued is not running"); }

  std::shared_ptr<ipc::Channel> channel_;
  std::uint32_t number_;
  queue::SubmitBegin begin_;
  bool begun_ = false;
  bool ended_ = false;
};

class QueuedRight final : public SendingRight {
 public:
  QueuedRight(std::shared_ptr<ipc::Channel> channel, std::string connection)
      : channel_(std::move(channel)), connection_(std::move(connection)) {}
  ~QueuedRight() override {
    if (channel_->is_open()) channel_->notify(queue::EndLogin{std::move(connection_)});
  }
  QueuedRight(const QueuedRight&) = delete;
  QueuedRight& operator=(const QueuedRight&) = delete;
  bool holds() const override { return channel_->is_open(); }

 private:
  std::shared_ptr<ipc::Channel> channel_;
  std::string connection_;
};

}  // namespace

// The ticket is good for the queued that gets it, and what that grants ends with its channel.
Task<Result<std::unique_ptr<SendingRight>>> QueueClient::redeem(std::string ticket,
                                                                std::string connection) {
  std::shared_ptr<ipc::Channel> channel = queued_.channel();
  if (!channel || !channel->is_open()) co_return transient("toast-queued is not running");
  queue::RedeemTicket message{std::move(ticket), connection};
  Result<ipc::Done> granted = co_await channel->call(std::move(message));
  if (!granted) co_return transient(std::move(granted.error().detail));
  std::unique_ptr<SendingRight> right =
      std::make_unique<QueuedRight>(std::move(channel), std::move(connection));
  co_return right;
}

Task<Result<void>> QueueClient::check_space(std::uint64_t size_bytes, std::string connection) {
  const SteadyTime now = clock_.steady();
  const bool known = queued_.connected() && now < had_space_until_ && connection.empty();
  if (known && size_bytes <= kSmallMessage) co_return Result<void>{};
  queue::CheckSpace question{size_bytes, std::move(connection)};
  auto answer = co_await queued_.call(std::move(question));
  if (!answer) co_return pass(answer);
  had_space_until_ = now + kSpaceAnswerHolds;
  co_return Result<void>{};
}

std::unique_ptr<Submission> QueueClient::submit(Envelope envelope) {
  queue::SubmitBegin begin;
  begin.submission = ++last_submission_;
  begin.id = envelope.id;
  begin.reverse_path = std::move(envelope.reverse_path);
  begin.recipients.reserve(envelope.recipients.size());
  for (Recipient& recipient : envelope.recipients)
    begin.recipients.push_back({std::move(recipient.address), recipient.parameters.notify,
                                std::move(recipient.parameters.orcpt)});
  begin.body_type = translate(envelope.parameters.body);
  begin.ret = envelope.parameters.ret;
  begin.envid = std::move(envelope.parameters.envid);
  begin.peer = std::move(envelope.peer);
  begin.helo = std::move(envelope.helo);
  begin.connection = std::move(envelope.connection);
  return std::make_unique<QueueSubmission>(queued_.channel(), std::move(begin));
}

}  // namespace toast::smtpd
