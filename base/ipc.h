// Messages between our own processes: a stream socketpair carrying frames, each a typed message,
// the reply to one, or an error in a reply's place. Many calls share a channel; replies come in any
// order. A message may carry one descriptor (SCM_RIGHTS).
//
//   struct Ping {                                   // a message type
//     static constexpr std::uint16_t kType = 7;     // unique on its channel
//     using Reply = Pong;                           // absent: a notice, nobody answers
//     std::string text;
//     void encode(Encoder& e) const { e.bytes(text); }
//     static Ping decode(Decoder& d) { return {d.string(64)}; }   // finish() is checked here, not
//     there
//   };
//   Result<Pong> pong = co_await link.call(std::move(ping));
//
// A message type with a member `Fd descriptor` carries it beside its bytes. A channel trusts
// nothing of its peer: a frame over the limit, an unknown type or undecodable bytes end the
// channel.
#pragma once

#include <asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/async.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/result.h"

namespace toast::ipc {

inline constexpr std::size_t kMaxFrame =
    1U << 20U;  // one message: listings and bodies go by descriptor or chunk
inline constexpr std::size_t kHighWater = 4U << 20U;     // unsent bytes past which writable() waits
inline constexpr std::size_t kMaxPendingCalls = 65536;   // calls without an answer on one channel
inline constexpr std::chrono::seconds kCallTimeout{30};  // default patience with a keeper

template <class M>
concept CarriesDescriptor = requires(M m) {
  { m.descriptor } -> std::same_as<Fd&>;
};

// A message with `static constexpr bool kSecret = true;` holds a password or a key: every buffer of
// ours that its bytes pass through is wiped when they have passed. (The kernel's are its own.) Such
// a message is a request or a notice; a reply cannot be one.
template <class M>
concept HoldsSecret = requires { requires M::kSecret; };

// The reply of a request that only needs to know that it worked.
struct Done {
  void encode(Encoder&) const {}
  static Done decode(Decoder&) { return {}; }
};

class Channel;

// What one end answers: message type -> handler. Built once, then shared by channels, unchanging.
class Dispatcher {
 public:
  // `handler` is called as Task<Result<Request::Reply>>(Request).
  template <class Request, class Handler>
  void on(Handler handler);
  // For messages without a Reply: called as void(Message).
  template <class Message, class Handler>
  void on_notice(Handler handler);

 private:
  friend class Channel;
  struct Incoming {
    std::shared_ptr<Channel> channel;
    std::uint32_t call;
    std::string_view payload;
    Fd descriptor;
  };
  // False: the payload could not be decoded.
  using Entry = std::function<bool(Incoming)>;
  // Throws where `type` has one: of two messages with one number, one would be read as the other.
  void add(std::uint16_t type, Entry entry);
  std::unordered_map<std::uint16_t, Entry> entries_;
  bool hears_secrets_ = false;
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  // `peer` names the other side in errors and logs. `socket` is non-blocking.
  static std::shared_ptr<Channel> open(const asio::any_io_executor& executor, Fd socket,
                                       std::string peer);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Begins to read. `on_closed` runs once, when the peer is gone or has misbehaved (why says
  // which).
  void start(std::shared_ptr<const Dispatcher> dispatcher,
             std::function<void(const Error& why)> on_closed);
  void close(std::string why);
  bool is_open() const { return open_; }
  const std::string& peer() const { return peer_; }

  // Sends a request and waits for its reply, at most `timeout` (checked four times a second). Every
  // failure of the channel itself is transient. Messages sent on one channel arrive in order.
  template <class Request>
  Task<Result<typename Request::Reply>> call(Request request,
                                             std::chrono::milliseconds timeout = kCallTimeout);
  // Sends without waiting.
  template <class Message>
  void notify(Message message);
  // Waits while more than kHighWater bytes are unsent: for senders of bulk.
  Task<> writable();

 private:
  friend class Dispatcher;
  enum class Kind : std::uint8_t { request, reply, error, notice };
  struct Reply {
    std::string payload;
    Fd descriptor;
  };
  struct Waiter {
    std::chrono::steady_clock::time_point deadline;
    std::unique_ptr<class ReplyHandler> handler;
  };
  struct Chunk {
    explicit Chunk(Fd carried) : descriptor(std::move(carried)) {}
    Chunk(const Chunk&) = delete;
    Chunk& operator=(const Chunk&) = delete;
    ~Chunk() {
      if (secrecy == Secrecy::secret) wipe(bytes);
    }
    std::string bytes;
    Fd descriptor;
    std::size_t sent = 0;
    Secrecy secrecy = Secrecy::open;  // secret: one of its frames is
  };

  Channel(const asio::any_io_executor& executor, Fd socket, std::string peer);
  // The number of the call. The request ends here: a secret in it does not wait for the reply.
  template <class Request>
  Result<std::uint32_t> send_request(Request request);
  Result<std::uint32_t> begin_call(std::uint16_t type, std::string_view payload, Fd descriptor,
                                   Secrecy secrecy);
  Task<Result<Reply>> wait_for_reply(std::uint32_t call, std::chrono::milliseconds timeout);
  void send(Kind kind, std::uint16_t type, std::uint32_t call, std::string_view payload,
            Fd descriptor, Secrecy secrecy = Secrecy::open);
  void send_error(std::uint32_t call, const Error& error);
  void schedule_flush();
  bool flush_some();  // false: the socket is full
  Task<> wait_and_flush();
  Task<> read_loop(std::shared_ptr<Channel> self);
  bool read_some();  // false: nothing more to read now
  void take_in(std::size_t count);
  void handle_frames();
  void handle_frame(Kind kind, std::uint16_t type, std::uint32_t call, std::string_view payload,
                    Fd descriptor);
  void complete(std::uint32_t call, Result<Reply> result);
  void arm_sweep();

  asio::posix::stream_descriptor socket_;
  std::string peer_;
  bool open_ = true;
  bool flush_scheduled_ = false;
  bool waiting_to_write_ = false;
  std::shared_ptr<const Dispatcher> dispatcher_;
  std::function<void(const Error&)> on_closed_;
  std::deque<Chunk> out_;
  std::size_t out_bytes_ = 0;
  std::vector<char> scratch_;
  std::string in_;
  std::size_t in_start_ = 0;
  bool hears_secrets_ = false;  // then scratch_ and in_ are wiped as they are used
  std::deque<Fd> in_descriptors_;
  std::uint32_t next_call_ = 1;
  std::unordered_map<std::uint32_t, Waiter> waiters_;
  asio::steady_timer sweep_;
  bool sweep_armed_ = false;
  asio::steady_timer drained_;  // cancelled when out_bytes_ falls below kHighWater
};

// Our end towards one keeper. toastd replaces the channel when the keeper has been restarted; calls
// in between fail as transient.
class Link {
 public:
  explicit Link(std::string keeper) : keeper_(std::move(keeper)) {}
  void attach(std::shared_ptr<Channel> channel) { channel_ = std::move(channel); }
  bool connected() const { return channel_ && channel_->is_open(); }
  const std::string& keeper() const { return keeper_; }

  template <class Request>
  Task<Result<typename Request::Reply>> call(Request request,
                                             std::chrono::milliseconds timeout = kCallTimeout) {
    if (!connected()) co_return transient(keeper_ + " is not running");
    std::shared_ptr<Channel> channel = channel_;
    co_return co_await channel->call(std::move(request), timeout);
  }
  template <class Message>
  void notify(Message message) {
    if (connected()) channel_->notify(std::move(message));
  }
  Task<> writable() {
    std::shared_ptr<Channel> channel = channel_;
    if (channel) co_await channel->writable();
  }
  // The channel as of now: a conversation of several messages must not change keepers midway.
  std::shared_ptr<Channel> channel() const { return channel_; }

 private:
  std::string keeper_;
  std::shared_ptr<Channel> channel_;
};

// ---- templates ----

namespace detail {
template <class M>
inline constexpr Secrecy kSecrecyOf = HoldsSecret<M> ? Secrecy::secret : Secrecy::open;
template <class M>
Fd take_descriptor(M& message) {
  if constexpr (CarriesDescriptor<M>)
    return std::move(message.descriptor);
  else
    return {};
}
template <class M>
Result<M> decode_message(std::string_view payload, Fd descriptor) {
  Decoder decoder(payload);
  M message = M::decode(decoder);
  Result<void> whole = decoder.finish("message");
  if (!whole) return tl::unexpected(std::move(whole.error()));
  if constexpr (CarriesDescriptor<M>) message.descriptor = std::move(descriptor);
  return message;
}
}  // namespace detail

template <class Request>
Result<std::uint32_t> Channel::send_request(Request request) {
  static_assert(!HoldsSecret<typename Request::Reply>);
  Encoder encoder(detail::kSecrecyOf<Request>);
  request.encode(encoder);
  return begin_call(Request::kType, encoder.view(), detail::take_descriptor(request),
                    detail::kSecrecyOf<Request>);
}

template <class Request>
Task<Result<typename Request::Reply>> Channel::call(Request request,
                                                    std::chrono::milliseconds timeout) {
  std::shared_ptr<Channel> self = shared_from_this();
  Result<std::uint32_t> sent = send_request(std::move(request));
  if (!sent) co_return pass(sent);
  Result<Reply> raw = co_await wait_for_reply(*sent, timeout);
  if (!raw) co_return pass(raw);
  Result<typename Request::Reply> reply =
      detail::decode_message<typename Request::Reply>(raw->payload, std::move(raw->descriptor));
  if (!reply) {
    close("undecodable reply: " + reply.error().detail);
    co_return transient(peer_ + ": undecodable reply");
  }
  co_return std::move(reply);
}

template <class Message>
void Channel::notify(Message message) {
  if (!open_) return;
  Encoder encoder(detail::kSecrecyOf<Message>);
  message.encode(encoder);
  send(Kind::notice, Message::kType, 0, encoder.view(), detail::take_descriptor(message),
       detail::kSecrecyOf<Message>);
}

template <class Request, class Handler>
void Dispatcher::on(Handler handler) {
  auto shared = std::make_shared<Handler>(std::move(handler));
  struct Answer {
    static Task<> run(std::shared_ptr<Handler> handler, std::shared_ptr<Channel> channel,
                      std::uint32_t call, Request request) {
      Result<typename Request::Reply> reply = co_await (*handler)(std::move(request));
      if (!channel->is_open()) co_return;
      if (!reply) {
        channel->send_error(call, reply.error());
        co_return;
      }
      Encoder encoder;
      reply->encode(encoder);
      channel->send(Channel::Kind::reply, Request::kType, call, encoder.view(),
                    detail::take_descriptor(*reply));
    }
  };
  hears_secrets_ = hears_secrets_ || HoldsSecret<Request>;
  add(Request::kType, [shared](Incoming in) {
    Result<Request> request = detail::decode_message<Request>(in.payload, std::move(in.descriptor));
    if (!request) return false;
    asio::any_io_executor executor = in.channel->socket_.get_executor();
    spawn(executor, Answer::run(shared, std::move(in.channel), in.call, std::move(*request)));
    return true;
  });
}

template <class Message, class Handler>
void Dispatcher::on_notice(Handler handler) {
  hears_secrets_ = hears_secrets_ || HoldsSecret<Message>;
  add(Message::kType, [handler = std::move(handler)](Incoming in) mutable {
    Result<Message> message = detail::decode_message<Message>(in.payload, std::move(in.descriptor));
    if (!message) return false;
    handler(std::move(*message));
    return true;
  });
}

}  // namespace toast::ipc
