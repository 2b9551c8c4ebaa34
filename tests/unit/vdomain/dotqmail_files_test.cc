#include "vdomain/dotqmail_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "vdomain/dotqmail.h"

namespace toast::vdomain {

namespace fs = std::filesystem;

class DotQmailFilesTest : public testing::Test {
 protected:
  DotQmailFilesTest() {
    root_ = testing::TempDir() + "dotqmail.XXXXXX";
    if (mkdtemp(root_.data()) == nullptr) throw std::runtime_error("mkdtemp");
    fs::create_directories(root_ + "/mail/a.test");
    write("secret", "x@other.test\n", 0600);
  }
  ~DotQmailFilesTest() override { fs::remove_all(root_); }
  void write(const std::string& name, const std::string& content, mode_t mode) {
    const std::string path = root_ + "/" + name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
  }
  // "content", "content (x)", "absent" or "error: ..." without the folder
  std::string read(const std::string& name) {
    const DotQmailFiles files(root_ + "/mail");
    auto got = files.read(Domain::parse("a.test").value(), name);
    if (!got) {
      EXPECT_EQ(got.error().failure, Failure::transient);
      const std::string& text = got.error().detail;
      const auto at = text.find(root_);
      return "error: " + (at == std::string::npos ? text : text.substr(at + root_.size()));
    }
    if (!*got) return "absent";
    return (*got)->content + ((*got)->owner_may_execute ? " (x)" : "");
  }
  std::string root_;
};

TEST_F(DotQmailFilesTest, ModesAsInQmail) {
  write("mail/a.test/.qmail-a", "a", 0640);
  write("mail/a.test/.qmail-x", "x", 0744);
  write("mail/a.test/.qmail-g", "g", 0664);
  write("mail/a.test/.qmail-w", "w", 0666);
  EXPECT_EQ(read(".qmail-a"), "a");
  EXPECT_EQ(read(".qmail-x"), "x (x)");
  EXPECT_EQ(read(".qmail-g"), "g");
  EXPECT_EQ(read(".qmail-w"),
            "error: /mail/a.test/.qmail-w can be written by everybody: chmod o-w");
  EXPECT_EQ(read(".qmail-none"), "absent");
}

TEST_F(DotQmailFilesTest, WhatIsNoRegularFileIsAbsent) {
  fs::create_directory(root_ + "/mail/a.test/.qmail-d");
  ASSERT_EQ(::mkfifo((root_ + "/mail/a.test/.qmail-f").c_str(), 0600), 0);
  EXPECT_EQ(read(".qmail-d"), "absent");
  EXPECT_EQ(read(".qmail-f"), "absent");  // and nobody waits for its writer
  EXPECT_EQ(read(std::string(300, 'x')), "absent");
}

TEST_F(DotQmailFilesTest, NoLinkLeadsOutOfTheDomain) {
  write("mail/a.test/real", "in", 0600);
  fs::create_symlink("real", root_ + "/mail/a.test/.qmail-in");
  fs::create_symlink("../../secret", root_ + "/mail/a.test/.qmail-up");
  fs::create_symlink(root_ + "/secret", root_ + "/mail/a.test/.qmail-abs");
  EXPECT_EQ(read(".qmail-in"), "in");
  for (const std::string name : {".qmail-up", ".qmail-abs"})
    EXPECT_EQ(read(name), "error: /mail/a.test/" + name +
                              " is a link out of its domain's directory: replace it by the file it "
                              "means");
  EXPECT_EQ(read("../../secret"), "absent");
}

TEST_F(DotQmailFilesTest, ADomainWithoutADirectoryHasNoFiles) {
  const DotQmailFiles files(root_ + "/nothing");
  EXPECT_FALSE(files.read(Domain::parse("a.test").value(), ".qmail-a").value());
}

// Mail must not take another way because a file that may be there cannot be seen.
TEST_F(DotQmailFilesTest, AClosedDirectoryIsAnErrorAndSaysWhatToDo) {
  const bool root = ::geteuid() == 0;  // who may look everywhere: go on as somebody who may not
  ASSERT_EQ(::chmod(root_.c_str(), 0711), 0);
  ASSERT_EQ(::chmod((root_ + "/mail/a.test").c_str(), 0), 0);
  if (root) ASSERT_EQ(::seteuid(65534), 0);
  const std::string in_domain = read(".qmail-a");
  if (root) ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(in_domain,
            "error: /mail/a.test: give toast-vdomaind's group read and search permission there "
            "(chgrp, chmod g+rx)");
  ASSERT_EQ(::chmod((root_ + "/mail").c_str(), 0), 0);
  if (root) ASSERT_EQ(::seteuid(65534), 0);
  const std::string above = read(".qmail-a");
  if (root) ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(above,
            "error: /mail: give toast-vdomaind's group read and search permission there (chgrp, "
            "chmod g+rx)");
  ::chmod((root_ + "/mail").c_str(), 0700);
  ::chmod((root_ + "/mail/a.test").c_str(), 0700);
}

TEST_F(DotQmailFilesTest, AHugeFileIsAnError) {
  write("mail/a.test/.qmail-huge", std::string(kMaxDotQmailBytes + 1, '#'), 0600);
  EXPECT_EQ(read(".qmail-huge").substr(0, 6), "error:");
}

}  // namespace toast::vdomain
