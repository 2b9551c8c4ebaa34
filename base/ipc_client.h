// One end of a channel for a program that does one thing at a time: connects to a named socket of a
// daemon, asks, and waits.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/ipc.h"

namespace toast::ipc {

// The unexpected value is errno; ENAMETOOLONG: over the 107 bytes that a socket's path may have.
[[nodiscard]] tl::expected<Fd, int> connect_to(const std::string& path);

class BlockingClient {
 public:
  // `socket` from connect_to(); `peer` names the other side in errors.
  BlockingClient(Fd socket, std::string peer);
  ~BlockingClient();  // NOLINT(bugprone-exception-escape)
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;

  bool is_open() const { return channel_->is_open(); }
  template <class Request>
  [[nodiscard]] Result<typename Request::Reply> call(Request request,
                                                     std::chrono::milliseconds patience) {
    using Answer = Result<typename Request::Reply>;
    std::optional<Answer> answer;
    auto calling = channel_->call(std::move(request), patience);
    asio::co_spawn(io_, std::move(calling), [&answer](std::exception_ptr, Answer result) {
      answer.emplace(std::move(result));
    });
    io_.restart();
    while (!answer && io_.run_one() > 0) {
    }
    if (!answer) return transient(channel_->peer() + " does not answer");
    return std::move(*answer);
  }

 private:
  asio::io_context io_{1};
  std::shared_ptr<Channel> channel_;
};

}  // namespace toast::ipc
