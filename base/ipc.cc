#include "base/ipc.h"

#include <sodium.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace toast::ipc {
namespace {

// Frame header: u32 payload bytes, u32 call, u16 type, u8 kind, u8 descriptors (0 or 1).
constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kReadStep = 65536;
constexpr std::size_t kCoalesceBytes = 256 * 1024;  // small frames share one sendmsg up to here
constexpr std::size_t kMaxErrorText = 2048;
constexpr std::chrono::milliseconds kSweepEvery{250};

}  // namespace

class ReplyHandler {
 public:
  virtual ~ReplyHandler() = default;
  virtual void run(Result<std::pair<std::string, Fd>> reply) = 0;
};

namespace {
template <class Handler>
class ReplyHandlerOf final : public ReplyHandler {
 public:
  explicit ReplyHandlerOf(Handler handler) : handler_(std::move(handler)) {}
  void run(Result<std::pair<std::string, Fd>> reply) override {
    std::move(handler_)(std::move(reply));
  }

 private:
  Handler handler_;
};
}  // namespace

Channel::Channel(const asio::any_io_executor& executor, Fd socket, std::string peer)
    : socket_(executor, socket.release()),
      peer_(std::move(peer)),
      sweep_(executor),
      drained_(executor) {}

Channel::~Channel() {
  if (hears_secrets_) wipe(in_);
}

std::shared_ptr<Channel> Channel::open(const asio::any_io_executor& executor, Fd socket,
                                       std::string peer) {
  return std::shared_ptr<Channel>(new Channel(executor, std::move(socket), std::move(peer)));
}

void Dispatcher::add(std::uint16_t type, Entry entry) {
  if (!entries_.emplace(type, std::move(entry)).second)
    throw std::logic_error("two handlers for message " + std::to_string(type));
}

void Channel::start(std::shared_ptr<const Dispatcher> dispatcher,
                    std::function<void(const Error&)> on_closed) {
  dispatcher_ = std::move(dispatcher);
  on_closed_ = std::move(on_closed);
  hears_secrets_ = dispatcher_ && dispatcher_->hears_secrets_;
  spawn(socket_.get_executor(), read_loop(shared_from_this()));
}

void Channel::close(std::string why) {
  if (!open_) return;
  open_ = false;
  std::shared_ptr<Channel> self = shared_from_this();
  asio::error_code ignored;
  socket_.close(ignored);
  sweep_.cancel();
  drained_.cancel();
  out_.clear();
  out_bytes_ = 0;
  in_descriptors_.clear();
  const Error error{Failure::transient, "4.3.0 try again later", peer_ + " went away: " + why};
  auto waiters = std::move(waiters_);
  waiters_.clear();
  for (auto& [call, waiter] : waiters) waiter.handler->run(tl::unexpected(error));
  auto on_closed = std::move(on_closed_);
  on_closed_ = nullptr;
  if (on_closed) on_closed(error);
}

Result<std::uint32_t> Channel::begin_call(std::uint16_t type, std::string_view payload,
                                          Fd descriptor, Secrecy secrecy) {
  if (!open_) return transient(peer_ + " is not running");
  if (payload.size() > kMaxFrame) return permanent("message to " + peer_ + " is over the limit");
  if (waiters_.size() >= kMaxPendingCalls) return transient(peer_ + " has too much to do");
  const std::uint32_t call = next_call_++;
  if (next_call_ == 0) next_call_ = 1;
  send(Kind::request, type, call, payload, std::move(descriptor), secrecy);
  return call;
}

// To be awaited in the turn of the loop that began the call: nothing leaves before its end.
Task<Result<Channel::Reply>> Channel::wait_for_reply(std::uint32_t call,
                                                     std::chrono::milliseconds timeout) {
  using Raw = Result<std::pair<std::string, Fd>>;
  auto initiate = [this, call, timeout](auto handler) {
    using Handler = decltype(handler);
    waiters_[call] = Waiter{std::chrono::steady_clock::now() + timeout,
                            std::make_unique<ReplyHandlerOf<Handler>>(std::move(handler))};
    arm_sweep();
  };
  Raw raw = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Raw)>(
      initiate, asio::use_awaitable);
  if (!raw) co_return pass(raw);
  Reply reply{std::move(raw->first), std::move(raw->second)};
  co_return std::move(reply);
}

void Channel::complete(std::uint32_t call, Result<Reply> result) {
  auto found = waiters_.find(call);
  if (found == waiters_.end()) return;  // it timed out before
  std::unique_ptr<ReplyHandler> handler = std::move(found->second.handler);
  waiters_.erase(found);
  if (!result) {
    handler->run(pass(result));
    return;
  }
  handler->run(std::make_pair(std::move(result->payload), std::move(result->descriptor)));
}

void Channel::arm_sweep() {
  if (sweep_armed_) return;
  sweep_armed_ = true;
  sweep_.expires_after(kSweepEvery);
  sweep_.async_wait([weak = weak_from_this()](const asio::error_code&) {
    std::shared_ptr<Channel> self = weak.lock();
    if (!self || !self->open_) return;
    self->sweep_armed_ = false;
    const auto now = std::chrono::steady_clock::now();
    std::vector<std::uint32_t> late;
    for (const auto& [call, waiter] : self->waiters_)
      if (waiter.deadline <= now) late.push_back(call);
    for (const std::uint32_t call : late) {
      self->complete(call, transient(self->peer_ + " did not answer in time"));
    }
    if (self->open_ && !self->waiters_.empty()) self->arm_sweep();
  });
}

void Channel::send(Kind kind, std::uint16_t type, std::uint32_t call, std::string_view payload,
                   Fd descriptor, Secrecy secrecy) {
  if (!open_) return;
  Encoder header;
  header.u32(static_cast<std::uint32_t>(payload.size()));
  header.u32(call);
  header.u16(type);
  header.enumeration(kind);
  header.u8(descriptor ? 1 : 0);
  const bool join = !descriptor && !out_.empty() && out_.back().bytes.size() < kCoalesceBytes;
  if (!join) out_.emplace_back(std::move(descriptor));
  Chunk& chunk = out_.back();
  if (secrecy == Secrecy::secret) chunk.secrecy = Secrecy::secret;
  if (chunk.secrecy == Secrecy::secret)
    reserve_wiping(chunk.bytes, chunk.bytes.size() + kHeaderBytes + payload.size());
  chunk.bytes.append(header.view()).append(payload);
  out_bytes_ += kHeaderBytes + payload.size();
  schedule_flush();
}

void Channel::send_error(std::uint32_t call, const Error& error) {
  Encoder encoder;
  encoder.enumeration(error.failure);
  encoder.bytes(std::string_view(error.reply).substr(0, kMaxErrorText));
  encoder.bytes(std::string_view(error.detail).substr(0, kMaxErrorText));
  send(Kind::error, 0, call, encoder.view(), {});
}

// Everything sent in one turn of the loop leaves in one system call.
void Channel::schedule_flush() {
  if (flush_scheduled_ || waiting_to_write_) return;
  flush_scheduled_ = true;
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    if (!self->open_ || self->flush_some()) return;
    if (self->open_) spawn(self->socket_.get_executor(), self->wait_and_flush());
  });
}

bool Channel::flush_some() {
  while (open_ && !out_.empty()) {
    Chunk& chunk = out_.front();
    iovec part{chunk.bytes.data() + chunk.sent, chunk.bytes.size() - chunk.sent};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (chunk.descriptor) {
      message.msg_control = control;
      message.msg_controllen = sizeof control;
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      const int fd = chunk.descriptor.get();
      std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return false;
      close(std::string("send: ") + std::strerror(errno));
      return true;
    }
    chunk.descriptor.reset();  // it left with the first byte
    chunk.sent += static_cast<std::size_t>(n);
    out_bytes_ -= static_cast<std::size_t>(n);
    if (chunk.sent < chunk.bytes.size()) return false;
    out_.pop_front();
    if (out_bytes_ < kHighWater) drained_.cancel();
  }
  return true;
}

Task<> Channel::wait_and_flush() {
  if (waiting_to_write_) co_return;
  waiting_to_write_ = true;
  std::shared_ptr<Channel> self = shared_from_this();
  while (open_) {
    auto [error] =
        co_await socket_.async_wait(asio::posix::stream_descriptor::wait_write, no_throw);
    if (error || !open_ || flush_some()) break;
  }
  waiting_to_write_ = false;
}

Task<> Channel::writable() {
  std::shared_ptr<Channel> self = shared_from_this();
  while (open_ && out_bytes_ >= kHighWater) {
    drained_.expires_at(std::chrono::steady_clock::time_point::max());
    auto [ignored] = co_await drained_.async_wait(no_throw);
    (void)ignored;
  }
}

Task<> Channel::read_loop(std::shared_ptr<Channel> self) {
  while (open_) {
    auto [error] = co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
    if (error || !open_) co_return;
    bool more = open_;
    while (more) {
      more = read_some();
      if (open_) handle_frames();
      more = more && open_;
    }
    if (open_ && in_.empty() && in_.capacity() > 4 * kReadStep) std::string().swap(in_);
  }
}

bool Channel::read_some() {
  scratch_.resize(kReadStep);  // once; later calls find it so
  iovec part{scratch_.data(), scratch_.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t n = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n > 0) take_in(static_cast<std::size_t>(n));
  if (n < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN) close(std::string("receive: ") + std::strerror(errno));
    return false;
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      in_descriptors_.emplace_back(fd);
    }
  }
  if (n == 0) {
    close("end of file");
    return false;
  }
  // Less than fits: mostly that was all, and a second look would find nothing. What is there all
  // the same (a message that carries a descriptor ends a read) ends the next wait at once.
  return static_cast<std::size_t>(n) == scratch_.size();
}

void Channel::take_in(std::size_t count) {
  if (hears_secrets_) reserve_wiping(in_, in_.size() + count);
  in_.append(scratch_.data(), count);
  if (hears_secrets_) sodium_memzero(scratch_.data(), count);
}

void Channel::handle_frames() {
  std::shared_ptr<Channel> self = shared_from_this();
  in_start_ = 0;
  while (open_ && in_.size() - in_start_ >= kHeaderBytes) {
    Decoder header(std::string_view(in_).substr(in_start_, kHeaderBytes));
    const std::uint32_t length = header.u32();
    const std::uint32_t call = header.u32();
    const std::uint16_t type = header.u16();
    const Kind kind = header.enumeration(Kind::notice);
    const std::uint8_t descriptors = header.u8();
    if (!header.ok() || length > kMaxFrame || descriptors > 1) {
      close("malformed frame");
      return;
    }
    if (in_.size() - in_start_ - kHeaderBytes < length) break;
    Fd descriptor;
    if (descriptors == 1) {
      if (in_descriptors_.empty()) {
        close("frame without its descriptor");
        return;
      }
      descriptor = std::move(in_descriptors_.front());
      in_descriptors_.pop_front();
    }
    const std::string_view payload(in_.data() + in_start_ + kHeaderBytes, length);
    in_start_ += kHeaderBytes + length;
    handle_frame(kind, type, call, payload, std::move(descriptor));
  }
  if (!open_) return;
  if (hears_secrets_)
    drop_front_wiping(in_, in_start_);
  else
    in_.erase(0, in_start_);
}

void Channel::handle_frame(Kind kind, std::uint16_t type, std::uint32_t call,
                           std::string_view payload, Fd descriptor) {
  if (kind == Kind::reply) {
    complete(call, Reply{std::string(payload), std::move(descriptor)});
    return;
  }
  if (kind == Kind::error) {
    Decoder decoder(payload);
    Error error;
    error.failure = decoder.enumeration(Failure::permanent);
    error.reply = decoder.string(kMaxErrorText);
    error.detail = decoder.string(kMaxErrorText);
    if (!decoder.finish("error reply")) {
      close("undecodable error reply");
      return;
    }
    complete(call, tl::unexpected(std::move(error)));
    return;
  }
  const auto entry =
      dispatcher_ ? dispatcher_->entries_.find(type) : decltype(dispatcher_->entries_.end()){};
  if (!dispatcher_ || entry == dispatcher_->entries_.end()) {
    close("message of unknown type " + std::to_string(type));
    return;
  }
  Dispatcher::Incoming incoming{shared_from_this(), call, payload, std::move(descriptor)};
  if (!entry->second(std::move(incoming)))
    close("undecodable message of type " + std::to_string(type));
}

}  // namespace toast::ipc
