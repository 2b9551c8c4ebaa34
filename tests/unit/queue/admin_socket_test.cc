// Who may ask: root, ourselves, the owner of the instance; nobody else.
#include "mta/queue/admin_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "mta/queue/admin_messages.h"

namespace toast::queue {
namespace {

constexpr uid_t kStranger = 65533;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Fd connect_to(const std::string& path) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
            0);
  return socket;
}

class AdminSocketTest : public testing::Test {
 protected:
  AdminSocketTest() {
    char name[] = "/tmp/toast-admin-XXXXXX";
    directory_ = ::mkdtemp(name);
    ::chmod(directory_.c_str(), 0755);
    path_ = directory_ + "/queue.sock";
    Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_un address = address_of(path_);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ::chmod(path_.c_str(), 0666);  // the file lets everybody in; the peer check must not
    EXPECT_EQ(::listen(listener.get(), 8), 0);
    auto dispatcher = std::make_shared<ipc::Dispatcher>();
    dispatcher->on<QueueStatus>([](QueueStatus) -> Task<Result<QueueStatus::Reply>> {
      QueueStatus::Reply reply;
      reply.messages = 42;
      co_return reply;
    });
    admin_.emplace(
        io_.get_executor(), std::move(listener), ::getuid(),
        [dispatcher] {
          return PeerSocket::Guest{"toastctl", dispatcher, [] {}};
        },
        log_);
  }
  ~AdminSocketTest() override {
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }
  template <class Done>
  bool run_until(Done done) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  asio::io_context io_;
  SilentLogger log_;
  std::string directory_;
  std::string path_;
  std::optional<AdminSocket> admin_;
};

TEST_F(AdminSocketTest, TheOwnerIsAnswered) {
  auto channel = ipc::Channel::open(io_.get_executor(), connect_to(path_), "queued");
  channel->start(nullptr, nullptr);
  std::optional<std::uint64_t> messages;
  asio::co_spawn(io_, channel->call(QueueStatus{}),
                 [&messages](std::exception_ptr, Result<QueueStatus::Reply> reply) {
                   if (reply) messages = reply->messages;
                 });
  ASSERT_TRUE(run_until([&messages] { return messages.has_value(); }));
  EXPECT_EQ(*messages, 42U);
  channel->close("test");
}

// Needs root to become somebody else; an ordinary user checks that it is let in itself.
TEST_F(AdminSocketTest, AStrangerIsHungUpOn) {
  const bool can_change = ::geteuid() == 0;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    if (can_change && ::setuid(kStranger) != 0) ::_exit(3);
    const Fd socket = connect_to(path_);
    timeval patience{can_change ? 5 : 1, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char byte = 0;
    const ssize_t got = ::recv(socket.get(), &byte, 1, 0);
    ::_exit(got == 0 ? 10 : 11);  // hung up, or still connected
  }
  int status = 0;
  ASSERT_TRUE(run_until([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), can_change ? 10 : 11);
}

// One that is full closes further ones and serves again when somebody leaves.
TEST_F(AdminSocketTest, ConnectionsAreBounded) {
  std::vector<Fd> open;
  for (std::size_t i = 0; i < kMaxAdmins; ++i) {
    open.push_back(connect_to(path_));
    io_.restart();
    io_.poll();
  }
  const Fd one_more = connect_to(path_);
  char byte = 0;
  ASSERT_TRUE(run_until([&] { return ::recv(one_more.get(), &byte, 1, MSG_DONTWAIT) == 0; }));
  open.clear();
  ASSERT_TRUE(run_until([this] {
    const Fd again = connect_to(path_);
    io_.restart();
    io_.poll();
    char none = 0;
    return ::recv(again.get(), &none, 1, MSG_DONTWAIT) < 0;  // still connected
  }));
}

}  // namespace
}  // namespace toast::queue
