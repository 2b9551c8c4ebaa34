#include "base/ipc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace toast::ipc {
namespace {

struct Echo {
  static constexpr std::uint16_t kType = 1;
  struct Reply {
    std::string text;
    void encode(Encoder& e) const { e.bytes(text); }
    static Reply decode(Decoder& d) { return {d.string(kMaxFrame)}; }
  };
  std::string text;
  void encode(Encoder& e) const { e.bytes(text); }
  static Echo decode(Decoder& d) { return {d.string(kMaxFrame)}; }
};

struct Carry {
  static constexpr std::uint16_t kType = 2;
  struct Reply {
    Fd descriptor;
    void encode(Encoder&) const {}
    static Reply decode(Decoder&) { return {}; }
  };
  std::uint32_t number = 0;
  Fd descriptor;
  void encode(Encoder& e) const { e.u32(number); }
  static Carry decode(Decoder& d) { return {d.u32(), Fd()}; }
};

struct Fail {
  static constexpr std::uint16_t kType = 3;
  using Reply = Done;
  void encode(Encoder&) const {}
  static Fail decode(Decoder&) { return {}; }
};

struct Silence {  // never answered
  static constexpr std::uint16_t kType = 4;
  using Reply = Done;
  void encode(Encoder&) const {}
  static Silence decode(Decoder&) { return {}; }
};

struct Count {  // a notice
  static constexpr std::uint16_t kType = 5;
  std::uint32_t by = 0;
  void encode(Encoder& e) const { e.u32(by); }
  static Count decode(Decoder& d) { return {d.u32()}; }
};

Task<Result<Done>> wait_for_ever(asio::any_io_executor executor) {
  asio::steady_timer timer(executor, std::chrono::hours(1));
  auto [ignored] = co_await timer.async_wait(no_throw);
  (void)ignored;
  co_return Done{};
}

class IpcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<SocketPair> pair = make_socket_pair();
    ASSERT_TRUE(pair);
    raw_client_ = pair->left.get();
    client_ = Channel::open(io_.get_executor(), std::move(pair->left), "keeper");
    server_ = Channel::open(io_.get_executor(), std::move(pair->right), "peer");
    auto dispatcher = std::make_shared<Dispatcher>();
    dispatcher->on<Echo>([](Echo echo) -> Task<Result<Echo::Reply>> {
      co_return Echo::Reply{std::move(echo.text)};
    });
    dispatcher->on<Carry>([](Carry carry) -> Task<Result<Carry::Reply>> {
      co_return Carry::Reply{std::move(carry.descriptor)};
    });
    dispatcher->on<Fail>(
        [](Fail) -> Task<Result<Done>> { co_return permanent("the detail", "5.1.1 the reply"); });
    dispatcher->on<Silence>([this](Silence) { return wait_for_ever(io_.get_executor()); });
    dispatcher->on_notice<Count>([this](Count count) { counted_ += count.by; });
    server_->start(dispatcher, [this](const Error& why) { server_closed_ = why.detail; });
    client_->start(nullptr, [this](const Error& why) { client_closed_ = why.detail; });
  }

  template <class F>
  void run(F body) {
    bool finished = false;
    asio::co_spawn(io_, body(), [&](std::exception_ptr failure) {
      finished = true;
      if (failure) std::rethrow_exception(failure);
      io_.stop();
    });
    io_.run_for(std::chrono::seconds(20));
    ASSERT_TRUE(finished);
  }

  asio::io_context io_{1};
  int raw_client_ = -1;
  std::shared_ptr<Channel> client_;
  std::shared_ptr<Channel> server_;
  std::string server_closed_;
  std::string client_closed_;
  std::uint64_t counted_ = 0;
};

TEST(DispatcherTest, TwoMessagesWithOneNumberAreRefused) {
  Dispatcher dispatcher;
  dispatcher.on_notice<Count>([](Count) {});
  EXPECT_THROW(dispatcher.on_notice<Count>([](Count) {}), std::logic_error);
}

TEST_F(IpcTest, AnswersCallsInOrderOfNothing) {
  run([this]() -> Task<> {
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{70000}, kMaxFrame - 64}) {
      Echo request{std::string(size, 'x')};
      Result<Echo::Reply> reply = co_await client_->call(std::move(request));
      EXPECT_TRUE(reply);
      if (reply) EXPECT_EQ(reply->text.size(), size);
    }
  });
}

TEST_F(IpcTest, CarriesDescriptorsWithTheirOwnMessages) {
  run([this]() -> Task<> {
    for (std::uint32_t i = 0; i < 50; ++i) {
      Result<Fd> file = open_file("/dev/null", O_RDONLY);
      Carry with{i, i % 2 == 0 ? std::move(*file) : Fd()};
      Result<Carry::Reply> reply = co_await client_->call(std::move(with));
      EXPECT_TRUE(reply);
      if (reply) EXPECT_EQ(static_cast<bool>(reply->descriptor), i % 2 == 0) << i;
    }
  });
}

TEST_F(IpcTest, HandsErrorsOver) {
  run([this]() -> Task<> {
    Result<Done> reply = co_await client_->call(Fail{});
    EXPECT_FALSE(reply);
    if (!reply) {
      EXPECT_EQ(reply.error().failure, Failure::permanent);
      EXPECT_EQ(reply.error().reply, "5.1.1 the reply");
      EXPECT_EQ(reply.error().detail, "the detail");
    }
  });
}

TEST_F(IpcTest, NoticesArriveBeforeTheCallThatFollows) {
  run([this]() -> Task<> {
    for (std::uint32_t i = 0; i < 100; ++i) client_->notify(Count{i});
    Result<Echo::Reply> reply = co_await client_->call(Echo{"after"});
    EXPECT_TRUE(reply);
    EXPECT_EQ(counted_, 4950U);
  });
}

TEST_F(IpcTest, ACallWithoutAnswerEndsAsTransient) {
  run([this]() -> Task<> {
    Result<Done> reply = co_await client_->call(Silence{}, std::chrono::milliseconds(1));
    EXPECT_FALSE(reply);
    if (!reply) EXPECT_EQ(reply.error().failure, Failure::transient);
    Result<Echo::Reply> alive = co_await client_->call(Echo{"still here"});
    EXPECT_TRUE(alive);
  });
}

TEST_F(IpcTest, CallsInFlightEndWhenThePeerDies) {
  run([this]() -> Task<> {
    server_->close("killed");
    Result<Done> reply = co_await client_->call(Silence{});
    EXPECT_FALSE(reply);
    if (!reply) EXPECT_EQ(reply.error().failure, Failure::transient);
    EXPECT_FALSE(client_->is_open());
  });
}

TEST_F(IpcTest, AFullSocketLosesNothing) {
  run([this]() -> Task<> {
    constexpr std::uint32_t kNotices = 400000;  // several megabytes: far more than a socket buffer
    for (std::uint32_t i = 0; i < kNotices; ++i) client_->notify(Count{1});
    co_await client_->writable();
    Result<Echo::Reply> reply = co_await client_->call(Echo{"end"});
    EXPECT_TRUE(reply);
    EXPECT_EQ(counted_, kNotices);
  });
}

// Rubbish on the socket ends the channel and nothing else: each entry is what a liar sends first.
TEST_F(IpcTest, RubbishEndsTheChannel) {
  const std::string length_over_limit("\xff\xff\xff\x7f\0\0\0\0\x01\0\0\0", 12);
  const std::string unknown_type("\0\0\0\0\x01\0\0\0\x63\0\0\0", 12);
  const std::string unknown_kind("\0\0\0\0\x01\0\0\0\x01\0\x09\0", 12);
  const std::string missing_descriptor("\0\0\0\0\x01\0\0\0\x01\0\0\x01", 12);
  const std::string short_payload("\x01\0\0\0\x01\0\0\0\x01\0\0\0X", 13);
  for (const std::string& bytes :
       {length_over_limit, unknown_type, unknown_kind, missing_descriptor, short_payload}) {
    asio::io_context io(1);
    Result<SocketPair> pair = make_socket_pair();
    ASSERT_TRUE(pair);
    auto dispatcher = std::make_shared<Dispatcher>();
    dispatcher->on<Echo>([](Echo echo) -> Task<Result<Echo::Reply>> {
      co_return Echo::Reply{std::move(echo.text)};
    });
    std::shared_ptr<Channel> victim =
        Channel::open(io.get_executor(), std::move(pair->left), "liar");
    std::string closed;
    victim->start(dispatcher, [&](const Error& why) { closed = why.detail; });
    ASSERT_TRUE(write_all(pair->right, bytes, "socket"));
    io.run_for(std::chrono::seconds(5));
    EXPECT_FALSE(victim->is_open());
    EXPECT_NE(closed, "");
  }
}

}  // namespace
}  // namespace toast::ipc
