#include "vdomain/maildir/mail_store.h"

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

class MailStoreTest : public MaildirTest {
 protected:
  Result<std::shared_ptr<const OpenMaildir>> open(const char* path = "example.org/ann/Maildir") {
    return keeper->store.open_or_create(*MaildirPath::parse(path));
  }
};

// A symbolic link anywhere on the way is refused, whether it leads outside or not.
TEST_F(MailStoreTest, SymbolicLinksAreRefused) {
  const TempDir outside;
  make_maildir(outside.path() + "/Maildir");
  make_maildir(maildir);
  struct Case {
    std::string link, target;
  };
  const Case cases[] = {
      {root.path() + "/evil.test", outside.path()},
      {root.path() + "/example.org/eve", root.path() + "/example.org/ann"},
      {root.path() + "/example.org/ann/Other", outside.path() + "/Maildir"},
  };
  for (const Case& c : cases) std::filesystem::create_directory_symlink(c.target, c.link);
  for (const char* path :
       {"evil.test/Maildir", "example.org/eve/Maildir", "example.org/ann/Other"}) {
    const auto opened = open(path);
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().failure, Failure::transient);
  }
  EXPECT_EQ(names_in(outside.path() + "/Maildir/new").size(), 0U);
}

TEST_F(MailStoreTest, LinkedPartsAreRefused) {
  const TempDir outside;
  for (const char* part : {"tmp", "new"}) {
    std::filesystem::remove_all(maildir);
    make_maildir(maildir);
    std::filesystem::remove(maildir + "/" + part);
    std::filesystem::create_directory_symlink(outside.path(), maildir + "/" + part);
    restart();
    EXPECT_FALSE(open()) << part;
    EXPECT_TRUE(keeper->deliver(make_job(1)).failed) << part;
  }
  EXPECT_EQ(names_in(outside.path()).size(), 0U);
}

TEST_F(MailStoreTest, LinkInPlaceOfTheTemporaryFileIsNotFollowed) {
  const std::string name = keeper->deliver(make_job(1)).result.file_name;
  ASSERT_EQ(::unlink((maildir + "/new/" + name).c_str()), 0);
  const std::string victim = root.path() + "/victim";
  put_file(victim, "precious");
  std::filesystem::create_symlink(victim, maildir + "/tmp/" + name);
  EXPECT_FALSE(keeper->deliver(make_job(1)).failed);
  EXPECT_EQ(content_of(victim), "precious");
  EXPECT_EQ(content_of(maildir + "/new/" + name), delivered_content());
}

TEST_F(MailStoreTest, FileInPlaceOfADirectoryIsTemporary) {
  std::filesystem::create_directories(root.path() + "/example.org");
  put_file(root.path() + "/example.org/ann", "a file");
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().failure, Failure::transient);
}

TEST_F(MailStoreTest, HalfMadeMaildirIsCompleted) {
  std::filesystem::create_directories(maildir + "/tmp");
  ASSERT_TRUE(open());
  EXPECT_EQ(names_in(maildir), (std::vector<std::string>{"cur", "new", "tmp"}));
}

// The mailbox was renamed away and made anew under its old name: mail goes to the new one.
TEST_F(MailStoreTest, KeptDescriptorsFollowThePath) {
  keeper->deliver(make_job(1));
  std::filesystem::rename(root.path() + "/example.org/ann", root.path() + "/example.org/.trash");
  EXPECT_FALSE(keeper->deliver(make_job(2)).failed);
  EXPECT_EQ(names("new").size(), 1U);
  EXPECT_EQ(names_in(root.path() + "/example.org/.trash/Maildir/new").size(), 1U);
  std::filesystem::remove_all(root.path() + "/example.org/ann");
  EXPECT_FALSE(keeper->deliver(make_job(3)).failed);
  EXPECT_EQ(names("new").size(), 1U);
}

TEST_F(MailStoreTest, KeepsNoMoreThanItsBound) {
  const auto open_descriptors = [] { return names_in("/proc/self/fd").size(); };
  for (int box = 0; box < 8; ++box) ASSERT_TRUE(open(("d/u" + std::to_string(box)).c_str()));
  const std::size_t full = open_descriptors();
  for (int box = 8; box < 40; ++box) ASSERT_TRUE(open(("d/u" + std::to_string(box)).c_str()));
  EXPECT_EQ(open_descriptors(), full);
}

TEST_F(MailStoreTest, OldTemporaryFilesAreSwept) {
  make_maildir(maildir);
  put_file(maildir + "/tmp/dead", "x");
  std::filesystem::create_directory(maildir + "/tmp/directory");
  const Fd tmp = std::move(*open_file(maildir + "/tmp", O_RDONLY | O_DIRECTORY));
  const WallTime now = SystemClock().wall();
  EXPECT_EQ(sweep_tmp(files, tmp, now + std::chrono::hours(35)), 0U);
  EXPECT_EQ(sweep_tmp(files, tmp, now + std::chrono::hours(37)), 1U);
  EXPECT_EQ(names("tmp"), std::vector<std::string>{"directory"});
}

}  // namespace
}  // namespace toast::maildir
