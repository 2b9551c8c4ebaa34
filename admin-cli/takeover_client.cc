#include "admin-cli/takeover_client.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "admin-cli/queue_client.h"

namespace toast::admin {
namespace {

// A large body is synced meanwhile.
constexpr std::chrono::seconds kTakeOverPatience{120};

Result<std::string> read_piece(const Fd& file, off_t offset) {
  std::string piece(queue::kMaxChunk, '\0');
  for (;;) {
    const ssize_t got = ::pread(file.get(), piece.data(), piece.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    // What cannot be read of one message says nothing of the others.
    if (got < 0) return permanent(std::string("read the content: ") + std::strerror(errno));
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  }
}

}  // namespace

Wanted<std::unique_ptr<TakeOverClient>> TakeOverClient::connect(const Instance& instance) {
  Wanted<Fd> socket = connect_to_queued(instance);
  if (!socket) return tl::unexpected(socket.error());
  return std::make_unique<TakeOverClient>(std::move(*socket));
}

template <class Request>
Result<typename Request::Reply> TakeOverClient::ask(Request request) {
  return client_.call(std::move(request), kTakeOverPatience);
}

Result<TakeOverClient::Verdict> TakeOverClient::hand_over(const TakenMessage& message) {
  Result<queue::TakeOver::Reply> reply = ask(message.head);
  if (!reply) return pass(reply);
  if (reply->verdict != Verdict::wanted) return reply->verdict;
  if (Result<void> sent = send_recipients(message); !sent) return pass(sent);
  if (Result<void> sent = send_content(message); !sent) return pass(sent);
  Result<ipc::Done> durable = ask(queue::TakeOverEnd{});
  if (!durable) return pass(durable);
  return Verdict::wanted;
}

Result<void> TakeOverClient::confirm(MessageId id) {
  Result<ipc::Done> done = ask(queue::TakeOverConfirm{id});
  if (!done) return pass(done);
  return {};
}

Result<void> TakeOverClient::settle() {
  Result<ipc::Done> done = ask(queue::TakeOverSettle{});
  if (!done) return pass(done);
  return {};
}

Result<void> TakeOverClient::send_recipients(const TakenMessage& message) {
  const auto& all = message.recipients;
  for (std::size_t at = 0; at < all.size(); at += queue::kMaxTakenRecipients) {
    const std::size_t end = std::min(at + queue::kMaxTakenRecipients, all.size());
    queue::TakeOverRecipients some;
    some.recipients.assign(all.begin() + static_cast<std::ptrdiff_t>(at),
                           all.begin() + static_cast<std::ptrdiff_t>(end));
    if (Result<ipc::Done> taken = ask(std::move(some)); !taken) return pass(taken);
  }
  for (const auto& [recipient, steps] : message.steps) {
    for (std::size_t at = 0; at < steps.size(); at += queue::kMaxTakenSteps) {
      const std::size_t end = std::min(at + queue::kMaxTakenSteps, steps.size());
      queue::TakeOverSteps some;
      some.recipient = recipient;
      some.steps.assign(steps.begin() + static_cast<std::ptrdiff_t>(at),
                        steps.begin() + static_cast<std::ptrdiff_t>(end));
      if (Result<ipc::Done> taken = ask(std::move(some)); !taken) return pass(taken);
    }
  }
  return {};
}

Result<void> TakeOverClient::send_content(const TakenMessage& message) {
  for (std::size_t at = 0; at < message.text.size(); at += queue::kMaxChunk) {
    queue::TakeOverChunk chunk{message.text.substr(at, queue::kMaxChunk)};
    if (Result<ipc::Done> taken = ask(std::move(chunk)); !taken) return pass(taken);
  }
  for (off_t offset = 0; message.file;) {
    Result<std::string> piece = read_piece(message.file, offset);
    if (!piece) return pass(piece);
    if (piece->empty()) break;
    offset += static_cast<off_t>(piece->size());
    if (Result<ipc::Done> taken = ask(queue::TakeOverChunk{std::move(*piece)}); !taken)
      return pass(taken);
  }
  return {};
}

}  // namespace toast::admin
