// Every system call of reading qmail's queue fails in turn. What is promised: nothing is read as
// less than it is. Either the queue is not opened, or a message is an error, or it is whole.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "mta/takeover/qmail_queue.h"

namespace toast::takeover {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class FaultyFiles final : public Files {
 public:
  void arm(int n, int error, bool for_good) {
    left_ = n;
    error_ = error;
    for_good_ = for_good;
    hits_ = 0;
  }
  int hits() const { return hits_; }

  Result<std::vector<Entry>> list(const std::string& path) override {
    if (Result<void> good = call("list", path); !good) return pass(good);
    return Files::list(path);
  }
  Result<Fd> open(const std::string& path) override {
    if (Result<void> good = call("open", path); !good) return pass(good);
    return Files::open(path);
  }
  Result<std::optional<Fd>> open_if_there(const std::string& path) override {
    if (Result<void> good = call("open", path); !good) return pass(good);
    return Files::open_if_there(path);
  }
  Result<Status> status(const Fd& file, const std::string& path) override {
    if (Result<void> good = call("stat", path); !good) return pass(good);
    return Files::status(file, path);
  }
  Result<std::string> read(const Fd& file, std::size_t max_bytes,
                           const std::string& path) override {
    if (Result<void> good = call("read", path); !good) return pass(good);
    return Files::read(file, max_bytes, path);
  }
  Result<std::string> read_front(const Fd& file, std::size_t bytes,
                                 const std::string& path) override {
    if (Result<void> good = call("read", path); !good) return pass(good);
    return Files::read_front(file, bytes, path);
  }

 private:
  Result<void> call(const char* what, const std::string& path) {
    if (left_ == 0) return {};
    if (left_ > 1) {
      --left_;
      return {};
    }
    ++hits_;
    if (!for_good_) left_ = 0;
    return system_error(what, path, error_);
  }
  int left_ = 0;
  int error_ = 0;
  int hits_ = 0;
  bool for_good_ = false;
};

class ReadFaultsTest : public testing::Test {
 protected:
  ReadFaultsTest() {
    char name[] = "/tmp/toast-qmail-XXXXXX";
    home_ = ::mkdtemp(name);
    for (const char* folder : {"mess", "info", "local", "remote", "todo", "intd", "bounce", "lock"})
      fs::create_directories(home_ + "/queue/" + folder);
    write("queue/lock/sendmutex", "");
    write("control/virtualdomains", "v.test:owner\n");
    write("control/locals", "a.test\n");
    write("control/me", "mx.a.test\n");
    write("control/envnoathost", "a.test\n");
    write("queue/mess/4/42", "Subject: x\n\nhello\n");  // on its way
    write("queue/info/4/42", "Fme@a.test\0"s);
    write("queue/local/4/42", "Towner-info@v.test\0"s);
    write("queue/remote/4/42", "Tbob@c.test\0Dzoe@c.test\0"s);
    write("queue/bounce/42", "<zoe@c.test>:\nno\n\n");
    write("queue/mess/0/23", "Subject: y\n\nhello\n");  // not looked at yet
    write("queue/todo/23", "u1000\0p1\0Fme@a.test\0Tann@a.test\0"s);
    write("queue/mess/7/7", "Subject: z\n\nonly remote\n");
    write("queue/info/7/7", "Fme@a.test\0"s);
    write("queue/remote/7/7", "Tzoe@c.test\0"s);
  }
  ~ReadFaultsTest() override { fs::remove_all(home_); }
  void write(const std::string& path, const std::string& bytes) {
    const std::string whole = home_ + "/" + path;
    fs::create_directories(fs::path(whole).parent_path());
    std::ofstream(whole, std::ios::binary) << bytes;
  }
  // All that an import takes of it. Errors are left out; a message of which nothing waits is "".
  using Seen = std::map<std::uint64_t, std::string>;
  static Result<Seen> read_all_messages(const std::string& queue,
                                        const std::shared_ptr<FaultyFiles>& files) {
    Result<QmailQueue> from = QmailQueue::open(queue, files);
    if (!from) return pass(from);
    Seen seen;
    for (const std::uint64_t number : from->numbers()) {
      Result<std::optional<QmailMessage>> message = from->read(number);
      if (!message) continue;
      std::string& text = seen[number];
      if (!*message) continue;
      text = (*message)->sender + " " + std::to_string((*message)->born) + " " +
             std::to_string((*message)->size_bytes) + " " + from->default_host() +
             (*message)->identity;
      for (const std::string& recipient : (*message)->recipients) text += " to " + recipient;
      for (const QmailFailure& failure : (*message)->failures)
        text += " failed " + failure.address + failure.text;
    }
    return seen;
  }
  std::string home_;
};

TEST_F(ReadFaultsTest, NothingIsReadAsLessThanItIs) {
  const auto files = std::make_shared<FaultyFiles>();
  const Result<Seen> whole = read_all_messages(home_ + "/queue", files);
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->size(), 3U);
  int not_opened = 0;
  int left_out = 0;
  for (const int error : {EIO, EMFILE, ENOMEM, EACCES}) {
    for (const bool for_good : {false, true}) {
      for (int n = 1;; ++n) {
        SCOPED_TRACE(testing::Message() << "call " << n << ", error " << error << for_good);
        ASSERT_LT(n, 200);
        files->arm(n, error, for_good);
        const Result<Seen> seen = read_all_messages(home_ + "/queue", files);
        const bool hit = files->hits() > 0;
        files->arm(0, 0, false);
        if (!seen) {
          ++not_opened;
          EXPECT_TRUE(hit);
          EXPECT_EQ(seen.error().failure, Failure::transient) << "it is a qmail queue";
          continue;
        }
        for (const auto& [number, text] : *seen) EXPECT_EQ(text, whole->at(number)) << number;
        if (!hit) {
          EXPECT_EQ(seen->size(), whole->size());
          break;
        }
        EXPECT_LT(seen->size(), whole->size()) << "the one that could not be read is an error";
        ++left_out;
      }
    }
  }
  EXPECT_GT(not_opened, 50);
  EXPECT_GT(left_out, 50);
}

}  // namespace
}  // namespace toast::takeover
