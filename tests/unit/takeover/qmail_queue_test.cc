// A qmail queue directory, made by hand: its states, its damages, its lock.
#include "mta/takeover/qmail_queue.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace toast::takeover {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;
using testing::ElementsAre;

constexpr std::int64_t kBorn = 1'700'000'000;

class QmailQueueTest : public testing::Test {
 protected:
  QmailQueueTest() {
    char name[] = "/tmp/toast-qmail-XXXXXX";
    home_ = ::mkdtemp(name);
    for (const char* folder : {"mess", "info", "local", "remote", "todo", "intd", "bounce", "lock"})
      fs::create_directories(queue() + "/" + folder);
    write("lock/sendmutex", "");
  }
  ~QmailQueueTest() override { fs::remove_all(home_); }

  std::string queue() const { return home_ + "/queue"; }
  void write(const std::string& path, const std::string& bytes) {
    const std::string whole = queue() + "/" + path;
    fs::create_directories(fs::path(whole).parent_path());
    std::ofstream(whole, std::ios::binary) << bytes;
    const timespec times[2] = {{kBorn, 0}, {kBorn, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, whole.c_str(), times, 0), 0);
  }
  void control(const std::string& name, const std::string& text) {
    fs::create_directories(home_ + "/control");
    std::ofstream(home_ + "/control/" + name) << text;
  }
  QmailQueue open() {
    Result<QmailQueue> opened = QmailQueue::open(queue());
    EXPECT_TRUE(opened) << opened.error().detail;
    return std::move(*opened);
  }
  std::string home_;
};

TEST_F(QmailQueueTest, AMessageOnItsWay) {
  control("virtualdomains", "v.test:owner\n");
  write("mess/4/4242", "Received: (qmail 1 invoked by uid 1)\nSubject: x\n\nhello\n");
  write("info/4/4242", "Fme@a.test\0"s);
  write("local/4/4242", "Downer-done@v.test\0Towner-info@v.test\0"s);
  write("remote/4/4242", "Tbob@c.test\0Dzoe@c.test\0"s);
  write("bounce/4242", "<zoe@c.test>:\nno\n\n");
  const QmailQueue from = open();
  EXPECT_THAT(from.numbers(), ElementsAre(4242U));
  Result<std::optional<QmailMessage>> read = from.read(4242);
  ASSERT_TRUE(read && *read);
  const QmailMessage& message = **read;
  EXPECT_EQ(message.born, kBorn);
  EXPECT_EQ(message.sender, "me@a.test");
  EXPECT_THAT(message.recipients, ElementsAre("info@v.test", "bob@c.test"));
  ASSERT_EQ(message.failures.size(), 1U);
  EXPECT_EQ(message.failures[0].address, "zoe@c.test");
  EXPECT_EQ(message.size_bytes, 55U);
  EXPECT_EQ(message.identity, from.read(4242).value()->identity);
}

TEST_F(QmailQueueTest, NotYetLookedAtBySend) {
  write("mess/0/23", "x\n");
  write("todo/23", "u1\0p2\0Fme@a.test\0Tann@b.test\0"s);
  write("intd/23", "u1\0p2\0Fme@a.test\0Tann@b.test\0"s);
  write("info/0/23", "F");  // of an attempt that was cut short: void
  const Result<std::optional<QmailMessage>> read = open().read(23);
  ASSERT_TRUE(read && *read);
  EXPECT_THAT((*read)->recipients, ElementsAre("ann@b.test"));
}

// The split is whatever it was compiled with, and todo/ may be split too.
TEST_F(QmailQueueTest, AnySplit) {
  write("mess/150/901", "x\n");
  write("todo/150/901", "Fme@a.test\0Tann@b.test\0"s);
  write("mess/7", "x\n");
  write("info/7", "F\0"s);
  write("remote/7", "Tann@b.test\0"s);
  const QmailQueue from = open();
  EXPECT_THAT(from.numbers(), ElementsAre(7U, 901U));
  EXPECT_TRUE(from.read(901).value());
  EXPECT_TRUE(from.read(7).value());
}

TEST_F(QmailQueueTest, NothingWaits) {
  write("mess/1/1", "x\n");  // qmail-queue was killed
  write("mess/2/2", "x\n");
  write("intd/2", "u1\0p2\0F"s);
  write("mess/3/3", "x\n");
  write("info/3/3", "Fme@a.test\0"s);  // all delivered, not yet removed
  write("local/3/3", "Dann@b.test\0"s);
  const QmailQueue from = open();
  for (const std::uint64_t number : {1U, 2U, 3U}) {
    const auto read = from.read(number);
    ASSERT_TRUE(read) << number;
    EXPECT_FALSE(*read) << number;
  }
}

TEST_F(QmailQueueTest, DamageIsSaidAndNothingElse) {
  write("info/1/1", "Fme@a.test\0"s);
  write("remote/1/1", "Tann@b.test\0"s);  // no content
  write("mess/2/2", "x\n");
  write("info/2/2", "Fme@a.test");  // cut short
  write("mess/3/3", "x\n");
  write("info/3/3", "Fme@a.test\0"s);
  write("local/3/3", "Tann@b.te");
  write("mess/4/4", "x\n");
  write("remote/4/4", "Tann@b.test\0"s);  // no info
  write("mess/5/5", "x\n");
  write("todo/5", std::string(512, '\0'));
  write("mess/6/6", "x\n");
  write("info/6/6", "Fme@a.test\0"s);
  write("bounce/6", "garbage\n");
  const QmailQueue from = open();
  ASSERT_EQ(from.numbers().size(), 6U);
  for (const std::uint64_t number : from.numbers()) {
    const auto read = from.read(number);
    ASSERT_FALSE(read) << number;
    EXPECT_EQ(read.error().failure, Failure::permanent) << number;
  }
}

TEST_F(QmailQueueTest, OnlyWhileSendIsStopped) {
  {
    const Result<Fd> send = open_file(queue() + "/lock/sendmutex", O_RDWR);
    ASSERT_EQ(::flock(send->get(), LOCK_EX), 0);
    const Result<QmailQueue> refused = QmailQueue::open(queue());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().failure, Failure::transient);
  }
  const QmailQueue from = open();
  const Result<Fd> send = open_file(queue() + "/lock/sendmutex", O_RDWR);
  EXPECT_NE(::flock(send->get(), LOCK_EX | LOCK_NB), 0) << "qmail-send must not start meanwhile";
}

TEST_F(QmailQueueTest, OnlyAQmailQueue) {
  fs::remove_all(queue() + "/info");
  const Result<QmailQueue> refused = QmailQueue::open(queue());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::permanent);
  EXPECT_FALSE(QmailQueue::open("/nowhere"));
}

}  // namespace
}  // namespace toast::takeover
