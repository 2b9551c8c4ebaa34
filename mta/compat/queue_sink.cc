#include "mta/compat/queue_sink.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <system_error>
#include <thread>

namespace toast::compat {
namespace {

constexpr std::uint32_t kSubmission = 1;  // one message, one connection

// What a refusal of queued is among qmail-queue's exit codes.
tl::unexpected<Refusal> refusal_of(const Error& error) {
  QueueExit code = QueueExit::try_later;
  if (error.failure == Failure::permanent)
    code = QueueExit::refused;
  else if (error.reply.starts_with("4.3.1"))
    code = QueueExit::write_error;
  return refuse(code, error.reply.empty() ? error.detail : error.reply);
}

tl::unexpected<Refusal> no_queue(const std::string& root, int why) {
  const std::string reason = std::generic_category().message(why);
  struct stat status {};
  const bool instance = ::stat((root + "/run").c_str(), &status) == 0;
  if (!instance && errno != EACCES)
    return refuse(QueueExit::no_instance,
                  "no mail server at " + root + "; --root or TOAST_ROOT says where it is");
  return refuse(QueueExit::no_queue, "the mail server at " + root + " is not running: " + root +
                                         "/run/submit.sock: " + reason);
}

}  // namespace

Taken<std::unique_ptr<QueueSink>> QueueSink::connect(const std::string& root) {
  const std::string path = root + "/run/" + std::string(queue::kSubmitSocket);
  const auto give_up = std::chrono::steady_clock::now() + kOpenPatience;
  while (true) {
    tl::expected<Fd, int> socket = ipc::connect_to(path);
    if (!socket) return no_queue(root, socket.error());
    auto queued = std::make_unique<ipc::BlockingClient>(std::move(*socket), "toast-queued");
    Result<queue::LocalOpened> opened = queued->call(queue::LocalOpen{kSubmission}, kOpenPatience);
    if (opened)
      return std::unique_ptr<QueueSink>(new QueueSink(std::move(queued), opened->id.str()));
    const bool hung_up = !queued->is_open();  // restarted, or too many connections of ours
    if (!hung_up) return refusal_of(opened.error());
    if (std::chrono::steady_clock::now() > give_up)
      return refuse(QueueExit::timeout,
                    "the mail server has no time: too many connections of this "
                    "user, or it is being restarted again and again");
    std::this_thread::sleep_for(kCrowdedPause);
  }
}

Taken<void> QueueSink::send_piece() {
  const std::size_t size = std::min(pending_.size(), queue::kMaxChunk);
  queue::SubmitChunk piece{kSubmission, pending_.substr(0, size)};
  pending_.erase(0, size);
  Result<ipc::Done> stored = queued_->call(std::move(piece), kSubmitPatience);
  if (!stored) return refusal_of(stored.error());
  return {};
}

Taken<void> QueueSink::write(std::string_view bytes) {
  pending_ += bytes;
  while (pending_.size() > queue::kMaxChunk)
    if (Taken<void> sent = send_piece(); !sent) return sent;
  return {};
}

Taken<std::string> QueueSink::finish(EnvelopeText envelope) {
  auto next = std::make_move_iterator(envelope.recipients.begin());
  const auto end = std::make_move_iterator(envelope.recipients.end());
  while (next != end) {
    const auto last = next + std::min<std::ptrdiff_t>(queue::kMaxLocalRecipients, end - next);
    queue::LocalRecipients some{kSubmission, {next, last}};
    Result<ipc::Done> added = queued_->call(std::move(some), kSubmitPatience);
    if (!added) return refusal_of(added.error());
    next = last;
  }
  queue::LocalEnd last{kSubmission, std::move(envelope.sender), envelope.ret,
                       std::move(envelope.envid), std::move(pending_)};
  Result<ipc::Done> promised = queued_->call(std::move(last), kSubmitPatience);
  if (!promised) return refusal_of(promised.error());
  return id_;
}

}  // namespace toast::compat
