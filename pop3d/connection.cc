#include "pop3d/connection.h"

#include <string.h>  // explicit_bzero
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "pop3d/command_parser.h"

namespace toast::pop3 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBlock = 4096;     // some 16 pipelined commands of full length
constexpr std::size_t kTurn = 512UL * 1024;  // bytes sent before others have their turn
constexpr std::size_t kMaxLinger =
    1024UL * 1024;  // unread input taken so that a last reply arrives
constexpr std::chrono::seconds kLingerTime{2};

}  // namespace

Connection::Connection(const asio::any_io_executor& executor, Fd socket,
                       std::unique_ptr<Session> session, ConnectionTimes times,
                       OutputBudget& budget)
    : socket_(executor, socket.release()),
      session_(std::move(session)),
      times_(times),
      budget_(budget),
      started_(Clock::now()),
      deadline_(executor, started_ + std::min(times.login, times.session), [this] { expire(); }) {}

void Connection::expire() {
  expired_ = true;
  asio::error_code ignored;
  socket_.cancel(ignored);
}

// The next `time` is the client's, within what it has in all: to log in, or for the session.
void Connection::allow(std::chrono::milliseconds time) {
  Time at = std::min(Clock::now() + time, started_ + times_.session);
  if (session_->state() != State::transaction) at = std::min(at, started_ + times_.login);
  deadline_.move_to(at);
}

void Connection::stop_when_idle() {
  stopping_ = true;
  if (idle_) expire();
}

Task<> Connection::run() {
  session_->greet(*this);
  Next next = Next::go_on;
  while (next == Next::go_on && !over()) {
    std::optional<Line> line = lines_.next();
    if (!line) {
      const bool sent = co_await drain_and_release();
      if (!sent || stopping_) co_return;
      const bool read = co_await read_more();
      if (!read) co_return;
      continue;
    }
    next = co_await answer(std::move(*line));
    if (out_.size() - sent_ < block_bytes()) continue;  // pipelined replies leave together
    const bool sent = co_await drain();
    if (!sent) co_return;
  }
  const bool sent = co_await drain();
  if (sent) co_await linger();
}

Task<Next> Connection::answer(Line line) {
  tl::expected<Command, SyntaxError> command = tl::unexpected(SyntaxError{"line too long"});
  if (!line.too_long) command = parse_command(line.text);
  wipe(line.text);  // it may hold a password
  co_return co_await session_->answer(std::move(command), *this);
}

Task<bool> Connection::read_more() {
  allow(times_.idle);
  while (!over()) {
    idle_ = true;
    auto [error] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    idle_ = false;
    if (error || over()) co_return false;
    if (!receive()) co_return false;
    if (lines_.has_line()) co_return true;
    std::ignore = lines_.next();  // lets it skip a line that is too long already
  }
  co_return false;
}

bool Connection::receive() {
  std::array<char, kReadBlock>
      block;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled next
  const ssize_t n = ::recv(socket_.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (n == 0) return false;
  const auto length = static_cast<std::size_t>(n);
  lines_.feed({block.data(), length});
  explicit_bzero(block.data(), length);
  return true;
}

// False: the socket takes no more now.
bool Connection::send_some() {
  while (sent_ < out_.size()) {
    const ssize_t n = ::send(socket_.native_handle(), out_.data() + sent_, out_.size() - sent_,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return false;
    if (n < 0) {
      broken_ = true;
      return true;
    }
    sent_ += static_cast<std::size_t>(n);
    since_yield_ += static_cast<std::size_t>(n);
  }
  return true;
}

Task<bool> Connection::drain() {
  if (!over() && !send_some()) co_await wait_until_writable();
  if (over()) co_return false;
  if (since_yield_ >= kTurn) {
    since_yield_ = 0;
    co_await asio::post(asio::use_awaitable);
  }
  sent_ = 0;
  out_.clear();
  co_return true;
}

Task<bool> Connection::drain_and_release() {
  const bool sent = co_await drain();
  std::string().swap(out_);
  co_return sent;
}

Task<> Connection::wait_until_writable() {
  const std::size_t waiting = out_.size() - sent_;
  budget_.wait(waiting);
  allow(times_.idle);
  do {
    auto [error] =
        co_await socket_.async_wait(asio::posix::stream_descriptor::wait_write, no_throw);
    if (error) broken_ = true;
  } while (!over() && !send_some());
  budget_.done(waiting);
}

// Closing while input is unread makes the kernel reset the connection, and the client may never see
// the last reply. Takes a bounded amount for a bounded time.
Task<> Connection::linger() {
  char unread = 0;
  if (::recv(socket_.native_handle(), &unread, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) co_return;
  ::shutdown(socket_.native_handle(), SHUT_WR);
  deadline_.move_to(std::min(Clock::now() + kLingerTime, started_ + times_.session));
  std::size_t taken = 0;
  while (!over() && taken < kMaxLinger) {
    auto [error] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    if (error || over()) co_return;
    std::array<char, kReadBlock> block;  // NOLINT(cppcoreguidelines-pro-type-member-init)
    const ssize_t n = ::recv(socket_.native_handle(), block.data(), block.size(), MSG_DONTWAIT);
    if (n <= 0 && errno != EAGAIN && errno != EINTR) co_return;
    if (n == 0) co_return;
    taken += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
}

}  // namespace toast::pop3
