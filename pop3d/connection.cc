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

void Connection::cut_off() {
  cut_off_ = true;
  if (idle_) expire();
}

// Tells a client under TLS that nothing is missing, as far as the socket takes it now.
Connection::~Connection() {
  if (!engine_ || broken_) return;
  engine_->close();
  sent_ = out_.size();
  send_some();
}

Task<> Connection::run() {
  co_await play_to_its_end();
  co_await session_->hung_up();
}

Task<> Connection::play_to_its_end() {
  session_->greet(*this);
  const bool ended_well = co_await play();
  if (!ended_well) co_return;
  const bool sent = co_await drain();
  if (sent) co_await linger();
}

Task<bool> Connection::play() {
  Next next = Next::go_on;
  while (next != Next::close && !over()) {
    if (cut_off_) {
      (void)co_await drain();
      co_return false;
    }
    std::optional<Line> line = lines_.next();
    if (!line) {
      const bool sent = co_await drain_and_release();
      if (!sent || stopping_) co_return false;
      const bool read = co_await read_more();
      if (!read) co_return false;
      continue;
    }
    next = co_await answer(std::move(*line));
    if (session_->state() == State::authenticating) lines_.expect_response();
    if (next == Next::start_tls) {
      const bool sent = co_await drain_and_release();
      if (!sent) co_return false;
      const bool encrypted = co_await on_start_tls_(*this);
      if (!encrypted) co_return false;
      continue;
    }
    if (out_.size() - sent_ < block_bytes()) continue;  // pipelined replies leave together
    const bool sent = co_await drain();
    if (!sent) co_return false;
  }
  co_return true;
}

Task<std::string> Connection::begin_tls(TlsService& tls) {
  engine_ = tls.begin();
  if (!engine_) co_return "out of memory";
  const auto block = std::make_unique<std::array<char, kReadBlock>>();
  std::string_view received;
  allow(times_.idle);
  while (true) {
    const tls::Progress progress = engine_->handshake(received);
    received = {};
    if (progress == tls::Progress::needs_signature) {
      tls::SignatureRequest request = engine_->signature_wanted();
      Result<std::string> signature = co_await tls.signer().sign(std::move(request));
      engine_->give_signature(std::move(signature));
      continue;
    }
    if (!over() && !send_some()) co_await wait_until_writable();  // with a failure: the alert
    if (progress == tls::Progress::failed) co_return engine_->failure();
    if (over()) co_return expired_ ? "no end of the handshake in time" : "closed";
    if (progress == tls::Progress::done) break;
    idle_ = true;
    auto [error] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    idle_ = false;
    if (error || over()) co_return "no end of the handshake in time";
    const ssize_t n = ::recv(socket_.native_handle(), block->data(), block->size(), MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) co_return "closed by the peer";
    if (n > 0) received = {block->data(), static_cast<std::size_t>(n)};
  }
  session_->secured(engine_->channel_binding());
  // The client's first command may have come together with the end of its handshake.
  if (!decrypt({})) co_return "closed by the peer";
  co_return "";
}

Task<Next> Connection::answer(Line line) {
  if (session_->state() == State::authenticating)
    co_return co_await answer_response(std::move(line));
  tl::expected<Command, SyntaxError> command = tl::unexpected(SyntaxError{"line too long"});
  if (!line.too_long) command = parse_command(line.text);
  wipe(line.text);  // it may hold a password
  co_return co_await session_->answer(std::move(command), *this);
}

Task<Next> Connection::answer_response(Line line) {
  tl::expected<SaslResponse, SyntaxError> response = tl::unexpected(SyntaxError{"line too long"});
  if (!line.too_long) response = parse_response(line.text);
  wipe(line.text);
  co_return co_await session_->respond(std::move(response), *this);
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
  if (engine_) return decrypt({block.data(), length});
  lines_.feed({block.data(), length});
  explicit_bzero(block.data(), length);
  return true;
}

bool Connection::decrypt(std::string_view received) {
  std::array<char, kReadBlock> block;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  bool open = true;
  for (bool more = true; more;) {
    const auto plain = engine_->read(received, block);
    received = {};
    open = plain.has_value();
    more = open && *plain > 0;
    if (!more) break;
    lines_.feed({block.data(), *plain});
    explicit_bzero(block.data(), *plain);
  }
  if (!engine_->output().empty()) send_some();  // an answer to the peer's TLS, such as a new key
  return open;
}

// False: the socket takes no more now.
bool Connection::send_some() { return engine_ ? send_sealed() : send_plain(); }

bool Connection::send_plain() { return send_to_socket(out_, sent_); }

// What is sealed goes before more is sealed: at most one record waits.
bool Connection::send_sealed() {
  while (true) {
    std::string& sealed = engine_->output();
    if (!send_to_socket(sealed, sealed_sent_)) return false;
    sealed.clear();
    sealed_sent_ = 0;
    if (broken_ || sent_ == out_.size()) return true;
    const std::size_t size = std::min(out_.size() - sent_, tls::kMaxRecord);
    broken_ = !engine_->seal(std::string_view(out_).substr(sent_, size));
    sent_ += size;
  }
}

bool Connection::send_to_socket(std::string_view bytes, std::size_t& sent) {
  while (sent < bytes.size()) {
    const ssize_t n = ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent,
                             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return false;
    if (n < 0) {
      broken_ = true;
      return true;
    }
    sent += static_cast<std::size_t>(n);
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
  if (engine_) engine_->output().shrink_to_fit();
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
