// A password that travels between our programs leaves no copy behind: not in a buffer that was
// freed or moved while it grew, and not in one that a channel keeps. This program owns the heap, so
// it can look into every block of it.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <unordered_set>

#include "auth/login_messages.h"
#include "base/control_messages.h"
#include "base/ipc.h"
#include "base/secret.h"

namespace {

constexpr char kMark[] = "correct horse battery staple";  // never on the heap but in messages

template <class T>
struct Malloc {  // for the book itself, which must not watch itself
  using value_type = T;
  Malloc() = default;
  template <class U>
  Malloc(const Malloc<U>&) {}
  T* allocate(std::size_t n) { return static_cast<T*>(std::malloc(n * sizeof(T))); }
  void deallocate(T* p, std::size_t) { std::free(p); }
  friend bool operator==(const Malloc&, const Malloc&) { return true; }
};
using Blocks = std::unordered_set<void*, std::hash<void*>, std::equal_to<>, Malloc<void*>>;

bool holds_mark(void* block) {
  return memmem(block, malloc_usable_size(block), kMark, sizeof kMark - 1) != nullptr;
}

std::mutex book_mutex;
std::size_t freed_with_mark = 0;
Blocks& book() {
  static Blocks& blocks = *new (std::malloc(sizeof(Blocks))) Blocks;  // outlives every destructor
  return blocks;
}

void* take(std::size_t size) {
  void* block = std::malloc(size);
  if (block == nullptr) std::abort();
  std::memset(block, 0, malloc_usable_size(block));  // what lay there before is not ours
  const std::lock_guard lock(book_mutex);
  book().insert(block);
  return block;
}

void give_back(void* block) {
  if (block == nullptr) return;
  {
    const std::lock_guard lock(book_mutex);
    if (book().erase(block) != 0 && holds_mark(block)) ++freed_with_mark;
  }
  std::free(block);
}

std::size_t live_with_mark() {
  const std::lock_guard lock(book_mutex);
  std::size_t count = 0;
  for (void* block : book()) count += holds_mark(block) ? 1 : 0;
  return count;
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void operator delete(void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }

namespace toast::ipc {
namespace {

struct Confide {
  static constexpr std::uint16_t kType = 1;
  static constexpr bool kSecret = true;
  using Reply = Done;
  Secret secret;
  void encode(Encoder& e) const { e.bytes(secret.view()); }
  static Confide decode(Decoder& d) { return {Secret(d.bytes(kMaxFrame))}; }
};
struct Chat {
  static constexpr std::uint16_t kType = 2;
  using Reply = Done;
  std::string text;
  void encode(Encoder& e) const { e.bytes(text); }
  static Chat decode(Decoder& d) { return {d.string(kMaxFrame)}; }
};

Secret long_secret(std::size_t times) {
  std::string text;
  text.reserve(times * sizeof kMark);
  for (std::size_t i = 0; i < times; ++i) text += kMark;
  return Secret::take(text);
}

class SecretFrames : public testing::Test {
 protected:
  void SetUp() override {
    freed_with_mark = 0;
    Result<SocketPair> pair = make_socket_pair();
    ASSERT_TRUE(pair);
    raw_client_ = pair->left.get();
    client_ = Channel::open(io_.get_executor(), std::move(pair->left), "keeper");
    server_ = Channel::open(io_.get_executor(), std::move(pair->right), "peer");
  }
  void serve() {
    auto dispatcher = std::make_shared<Dispatcher>();
    dispatcher->on<Confide>([this](Confide told) -> Task<Result<Done>> {
      heard_ += told.secret.size();
      co_return Done{};
    });
    dispatcher->on<Chat>([](Chat) -> Task<Result<Done>> { co_return Done{}; });
    server_->start(std::move(dispatcher), [](const Error&) {});
    client_->start(nullptr, [](const Error&) {});
  }
  Task<> confide(std::size_t times) {
    Confide message{long_secret(times)};
    Result<Done> reply = co_await client_->call(std::move(message));
    if (reply) ++answers_;
  }
  Task<> chat(std::size_t size) {
    Chat message{std::string(size, 'x')};
    Result<Done> reply = co_await client_->call(std::move(message));
    if (reply) ++answers_;
  }
  void run_until_answers(unsigned count) {
    while (answers_ < count) ASSERT_GT(io_.run_one_for(std::chrono::seconds(20)), 0U);
    while (io_.poll_one() > 0) {
    }
  }
  void close_all() {
    client_->close("test is over");
    server_->close("test is over");
    io_.restart();
    io_.run();
    client_.reset();
    server_.reset();
  }

  asio::io_context io_{1};
  int raw_client_ = -1;
  std::shared_ptr<Channel> client_;
  std::shared_ptr<Channel> server_;
  std::size_t heard_ = 0;
  unsigned answers_ = 0;
};

TEST_F(SecretFrames, TheHeapIsWatched) {
  {
    const std::string careless(kMark, sizeof kMark - 1);
    EXPECT_EQ(live_with_mark(), 1U);
  }
  EXPECT_EQ(freed_with_mark, 1U);
}

TEST_F(SecretFrames, OneCallLeavesNothing) {
  serve();
  spawn(io_.get_executor(), confide(3));
  run_until_answers(1);
  EXPECT_EQ(heard_, 3 * (sizeof kMark - 1));
  EXPECT_EQ(live_with_mark(), 0U);
  close_all();
  EXPECT_EQ(freed_with_mark, 0U);
}

// Among others that share its system call, in buffers that grow, in frames that arrive in pieces.
TEST_F(SecretFrames, ManyCallsAmongOthersLeaveNothing) {
  serve();
  constexpr unsigned kRounds = 40;
  for (unsigned i = 0; i < kRounds; ++i) {
    spawn(io_.get_executor(), chat(i * 97));
    spawn(io_.get_executor(), confide(1 + i * 40));
  }
  run_until_answers(2 * kRounds);
  EXPECT_EQ(live_with_mark(), 0U);
  close_all();
  EXPECT_EQ(freed_with_mark, 0U);
}

TEST_F(SecretFrames, WhatWasNeverSentIsWiped) {
  const int small = 4096;
  ::setsockopt(raw_client_, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  client_->start(nullptr, [](const Error&) {});
  for (int i = 0; i < 10; ++i) spawn(io_.get_executor(), confide(1000));
  while (io_.poll_one() > 0) {
  }
  EXPECT_GT(live_with_mark(), 0U);  // the peer reads nothing, so it waits in the channel
  close_all();
  EXPECT_EQ(freed_with_mark, 0U);
}

TEST_F(SecretFrames, AFrameCutShortIsWiped) {
  serve();
  // Header: 1000 bytes, call 7, type 1, a request, no descriptor; then less than it says.
  std::string bytes{"\xe8\x03\0\0\7\0\0\0\1\0\0\0", 12};
  bytes += kMark;
  ASSERT_EQ(::write(raw_client_, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  wipe(bytes);
  while (io_.poll_one() > 0) {
  }
  close_all();
  EXPECT_EQ(freed_with_mark, 0U);
}

TEST_F(SecretFrames, ACallThatCannotBeMadeIsWiped) {
  serve();
  client_->close("gone");
  spawn(io_.get_executor(), confide(3));
  while (io_.poll_one() > 0) {
  }
  EXPECT_EQ(live_with_mark(), 0U);
  close_all();
  EXPECT_EQ(freed_with_mark, 0U);
}

// The messages of ours that carry a password or a key are marked.
static_assert(HoldsSecret<Confide> && !HoldsSecret<Chat>);
static_assert(HoldsSecret<auth::Login>);
static_assert(HoldsSecret<control::Startup>);
static_assert(!HoldsSecret<control::Prepare>);

}  // namespace
}  // namespace toast::ipc
