// Hands messages of another queue to toast-queued (mta/queue/takeover_messages.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin-cli/failure.h"
#include "admin-cli/instance.h"
#include "base/fd.h"
#include "base/ipc_client.h"
#include "mta/queue/takeover_messages.h"

namespace toast::admin {

struct TakenMessage {
  queue::TakeOver head;
  std::vector<queue::TakenRecipient> recipients;
  std::map<std::uint32_t, std::vector<queue::TakeOverSteps::Step>> steps;
  // The content: this text, then what the file has from where it stands, if there is one.
  std::string text;
  Fd file;
};

// Who takes messages over: toast-queued.
class Taker {
 public:
  using Verdict = queue::TakeOver::Verdict;
  Taker() = default;
  Taker(const Taker&) = delete;
  Taker& operator=(const Taker&) = delete;
  virtual ~Taker() = default;

  // `wanted`: now it is on stable storage there, and held until it is confirmed. Otherwise nothing
  // was sent. Permanent error: this message is not taken; transient: none is, now.
  [[nodiscard]] virtual Result<Verdict> hand_over(const TakenMessage& message) = 0;
  // What is on the list: from now on it is delivered. Nothing changes if that was said before.
  [[nodiscard]] virtual Result<void> confirm(MessageId id) = 0;
  // All that was confirmed survives a crash.
  [[nodiscard]] virtual Result<void> settle() = 0;
};

class TakeOverClient final : public Taker {
 public:
  static Wanted<std::unique_ptr<TakeOverClient>> connect(const Instance& instance);
  explicit TakeOverClient(Fd socket) : client_(std::move(socket), "toast-queued") {}

  Result<Verdict> hand_over(const TakenMessage& message) override;
  Result<void> confirm(MessageId id) override;
  Result<void> settle() override;

 private:
  template <class Request>
  Result<typename Request::Reply> ask(Request request);
  Result<void> send_recipients(const TakenMessage& message);
  Result<void> send_content(const TakenMessage& message);
  ipc::BlockingClient client_;
};

}  // namespace toast::admin
