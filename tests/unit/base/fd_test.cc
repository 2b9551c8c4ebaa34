// Descriptors and files: one owner, whole reads and writes, replacement without a torn state.
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>

namespace toast {
namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

class FdTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/toast_fd_XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST(Fd, HasOneOwner) {
  int raw = -1;
  {
    Fd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    raw = a.get();
    Fd b(std::move(a));
    EXPECT_EQ(b.get(), raw);
    Fd c;
    EXPECT_FALSE(c);
    c = std::move(b);
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(Fd, ReleaseGivesItAway) {
  Fd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd b(a.release());
  EXPECT_FALSE(a);
  EXPECT_TRUE(is_open(b.get()));
}

TEST(Fd, AssignmentClosesWhatWasHeld) {
  Fd a(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int first = a.get();
  a = Fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  EXPECT_FALSE(is_open(first));
}

TEST(Fd, AllAreCloseOnExec) {
  SocketPair pair = std::move(*make_socket_pair());
  Fd copy = std::move(*duplicate(pair.left));
  Fd file = std::move(*open_file("/dev/null", O_RDONLY));
  for (const Fd* fd : {&pair.left, &pair.right, &copy, &file})
    EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(pair.left.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(FdTest, ErrorsNameWhatWasTried) {
  Result<Fd> missing = open_file(folder_ + "/none", O_RDONLY);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().failure, Failure::transient);
  EXPECT_EQ(missing.error().detail, "open " + folder_ + "/none: No such file or directory");
}

TEST_F(FdTest, ReadsAndWritesWholeFiles) {
  const std::string content(300'000, 'x');
  Fd file = std::move(*open_file(folder_ + "/big", O_RDWR | O_CREAT, 0600));
  ASSERT_TRUE(write_all(file, content, "big"));
  EXPECT_EQ(*read_file(folder_ + "/big", content.size()), content);
  Result<std::string> too_big = read_file(folder_ + "/big", content.size() - 1);
  ASSERT_FALSE(too_big);
  EXPECT_EQ(too_big.error().failure, Failure::permanent);
}

TEST_F(FdTest, ReplaceFileLeavesNothingBehind) {
  const std::string path = folder_ + "/setting";
  ASSERT_TRUE(replace_file(path, "old", 0640));
  ASSERT_TRUE(replace_file(path, "new", 0640));
  EXPECT_EQ(*read_file(path, 10), "new");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
  EXPECT_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_F(FdTest, FailedReplacementKeepsTheOldContent) {
  const std::string path = folder_ + "/setting";
  ASSERT_TRUE(replace_file(path, "old", 0600));
  // A file system that takes no more: writes past this size fail.
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{4096, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  Result<void> replaced = replace_file(path, std::string(10'000, 'x'), 0600);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, ignored);
  EXPECT_FALSE(replaced);
  EXPECT_EQ(*read_file(path, 10), "old");
}

TEST_F(FdTest, ReplacementDoesNotFollowLinks) {
  const std::string victim = folder_ + "/victim";
  ASSERT_TRUE(replace_file(victim, "mine", 0600));
  std::filesystem::create_symlink(victim, folder_ + "/setting.tmp");
  EXPECT_FALSE(replace_file(folder_ + "/setting", "x", 0600));
  EXPECT_EQ(*read_file(victim, 10), "mine");
}

}  // namespace
}  // namespace toast
