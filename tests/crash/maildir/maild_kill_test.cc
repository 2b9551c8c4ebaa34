// The real program, in its real sandbox, killed with SIGKILL again and again while it delivers. A
// stand-in for queued gives out again what was not answered, as queued does when it sees maild go.
// In the end every message is in its Maildir once and whole.
#include <sys/wait.h>

#include <csignal>
#include <map>
#include <random>
#include <set>

#include "base/control_messages.h"
#include "base/ipc.h"
#include "tests/unit/auth/run_task.h"
#include "tests/unit/maildir/maildir_fixture.h"
#include "vdomain/maildir/delivery_messages.h"

namespace toast::maildir {
namespace {

constexpr std::uint64_t kMessages = 600;
constexpr std::uint64_t kInFlight = 24;
constexpr std::uint64_t kMailboxes = 20;
constexpr int kKills = 12;

std::string mailbox_path(std::uint64_t message) {
  return "example.org/u" + std::to_string(message % kMailboxes) + "/Maildir";
}
std::string body_of(std::uint64_t message) {
  return "Subject: number " + std::to_string(message) + "\n\n" +
         std::string(1 + message * 37 % 20'000, 'x') + "\n";
}

class MaildKillTest : public ::testing::Test {
 protected:
  MaildKillTest() {
    for (const char* folder : {"/mail", "/control"})
      std::filesystem::create_directory(root_.path() + folder);
  }
  ~MaildKillTest() override { kill_maild(); }

  // Starts the program as toastd does and waits until it serves.
  void start_maild() {
    SocketPair control = make_socket_pair().value();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(control.right.get(), control::kControlDescriptor);
      ::execl(TOAST_MAILD_FILE, "toast-maild", nullptr);
      ::_exit(127);
    }
    control.right.reset();
    control_ = ipc::Channel::open(io_.get_executor(), std::move(control.left), "toast-maild");
    control_->start(nullptr, [](const Error&) {});
    SocketPair client = make_socket_pair().value();
    queued_ = ipc::Channel::open(io_.get_executor(), std::move(client.left), "toast-maild");
    queued_->start(nullptr, [](const Error&) {});
    control::Startup startup;
    startup.program = "toast-maild";
    startup.root = root_.path();
    startup.unprivileged = true;
    startup.boot_id = std::string(16, 'b');
    startup.ticket_key = Secret(std::string(control::kKeyBytes, 'k'));
    startup.sockets = 1;
    startup.settings = {{"me", "mx.example.org\n"}};
    control::GiveSocket give;
    give.role = control::SocketRole::client;
    give.name = "toast-queued.0";
    give.descriptor = std::move(client.right);
    Started<Result<control::Startup::Reply>> ready(io_, control_->call(std::move(startup)));
    ASSERT_TRUE(run_task(io_, control_->call(std::move(give))));
    while (!ready.ready()) io_.run_one();
    ASSERT_TRUE(ready.value()) << ready.value().error().detail;
  }
  void kill_maild() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

  Deliver delivery(std::uint64_t message) const {
    const std::string body = body_of(message);
    return {"0123456789abcdef",
            MessageId(message << 13U),
            0,
            0,
            arrival_,
            {*Address::parse("ann@example.org"), mailbox_path(message), {}},
            *Address::parse("bob@example.net"),
            *Address::parse("ann@example.org"),
            body,
            body.size(),
            Fd()};
  }
  Task<> deliver(std::uint64_t message) {
    Deliver request = delivery(message);
    std::shared_ptr<ipc::Channel> channel = queued_;
    const Result<Deliver::Reply> reply = co_await channel->call(std::move(request));
    in_flight_.erase(message);
    if (reply) {
      waiting_.erase(message);
      repeated_ += reply->already_there ? 1 : 0;
    } else if (channel->is_open()) {
      ADD_FAILURE() << "refused: " << reply.error().detail;
      waiting_.erase(message);
    }
  }
  void give_out() {
    for (const std::uint64_t message : waiting_) {
      if (in_flight_.size() >= kInFlight) return;
      if (in_flight_.insert(message).second) spawn(io_.get_executor(), deliver(message));
    }
  }
  // Delivers until `answers` more are done, or all.
  void run(std::size_t answers) {
    const std::size_t until = waiting_.size() > answers ? waiting_.size() - answers : 0;
    while (waiting_.size() > until) {
      give_out();
      io_.restart();
      io_.run_one();
    }
  }

  TempDir root_;
  asio::io_context io_;
  pid_t pid_ = 0;
  std::shared_ptr<ipc::Channel> control_;
  std::shared_ptr<ipc::Channel> queued_;
  std::int64_t arrival_ = unix_seconds(SystemClock().wall());
  std::set<std::uint64_t> waiting_;
  std::set<std::uint64_t> in_flight_;
  std::size_t repeated_ = 0;
};

TEST_F(MaildKillTest, EveryMessageArrivesOnce) {
  for (std::uint64_t n = 1; n <= kMessages; ++n) waiting_.insert(n);
  std::mt19937 random(20261122);
  for (int kill = 0; kill < kKills; ++kill) {
    ASSERT_NO_FATAL_FAILURE(start_maild());
    run(1 + random() % (kMessages / kKills));
    kill_maild();
    while (!in_flight_.empty()) {  // their failures arrive with the end of the channel
      io_.restart();
      io_.run_one();
    }
  }
  ASSERT_NO_FATAL_FAILURE(start_maild());
  run(kMessages);

  std::multiset<std::string> expected;
  std::multiset<std::string> found;
  for (std::uint64_t n = 1; n <= kMessages; ++n)
    expected.insert(mailbox_path(n) + delivered_content(body_of(n)));
  for (std::uint64_t box = 0; box < kMailboxes; ++box) {
    const std::string maildir = root_.path() + "/mail/" + mailbox_path(box);
    for (const std::string& name : names_in(maildir + "/new"))
      found.insert(mailbox_path(box) + content_of(maildir + "/new/" + name));
  }
  EXPECT_EQ(found.size(), expected.size());
  EXPECT_TRUE(found == expected) << "a message is missing, double or damaged";
  std::printf("killed %d times; found done before: %zu\n", kKills, repeated_);
}

}  // namespace
}  // namespace toast::maildir
