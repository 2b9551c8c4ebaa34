#include "mta/smtp/socket_wire.h"

#include <sys/socket.h>

#include <cerrno>

namespace toast::smtp {
namespace {

constexpr std::size_t kMaxDiscarded = 1U << 20U;

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

SocketWire::SocketWire(asio::generic::stream_protocol::socket socket,
                       std::shared_ptr<ReadBlock> block, SteadyTime deadline)
    : socket_(std::move(socket)),
      block_(std::move(block)),
      deadline_(socket_.get_executor(), deadline, [this] {
        timed_out_ = true;
        asio::error_code ignored;
        socket_.cancel(ignored);
      }) {}

// Closing with input unread makes the kernel send a reset, which can overtake our last reply.
SocketWire::~SocketWire() {
  ::shutdown(socket_.native_handle(), SHUT_WR);
  std::size_t discarded = 0;
  while (discarded < kMaxDiscarded) {
    const ssize_t n = ::recv(socket_.native_handle(), block_->data(), block_->size(), MSG_DONTWAIT);
    if (n <= 0) break;
    discarded += static_cast<std::size_t>(n);
  }
}

Task<tl::expected<std::string_view, WireEnd>> SocketWire::read(bool may_stop) {
  bool wait_first = !more_likely_;
  while (true) {
    if (timed_out_) co_return tl::unexpected(WireEnd::timed_out);
    if (stopping_ && may_stop) co_return tl::unexpected(WireEnd::stopped);
    if (wait_first) {
      waiting_may_stop_ = may_stop;
      auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_read, no_throw);
      waiting_may_stop_ = false;
      if (ec == asio::error::operation_aborted) continue;  // the checks above say why
      if (ec) co_return tl::unexpected(WireEnd::closed);
    }
    auto arrived = read_now();
    if (!arrived || !arrived->empty()) co_return arrived;
    wait_first = true;
  }
}

tl::expected<std::string_view, WireEnd> SocketWire::read_now() {
  const ssize_t n = ::recv(socket_.native_handle(), block_->data(), block_->size(), MSG_DONTWAIT);
  more_likely_ = n > 0 && static_cast<std::size_t>(n) == block_->size();
  if (n > 0) return std::string_view(block_->data(), static_cast<std::size_t>(n));
  if (n == 0 || !would_block()) return tl::unexpected(WireEnd::closed);
  return std::string_view();
}

bool SocketWire::write_some(std::string& out) {
  while (!out.empty()) {
    const ssize_t n =
        ::send(socket_.native_handle(), out.data(), out.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return would_block();
    out.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

Task<tl::expected<void, WireEnd>> SocketWire::writable() {
  if (timed_out_) co_return tl::unexpected(WireEnd::timed_out);
  auto [ec] = co_await socket_.async_wait(asio::socket_base::wait_write, no_throw);
  if (timed_out_) co_return tl::unexpected(WireEnd::timed_out);
  if (ec && ec != asio::error::operation_aborted) co_return tl::unexpected(WireEnd::closed);
  co_return tl::expected<void, WireEnd>{};
}

void SocketWire::stop() {
  stopping_ = true;
  if (!waiting_may_stop_) return;
  asio::error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace toast::smtp
