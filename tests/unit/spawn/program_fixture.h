// Shell programs in a folder of their own, and an account to run them as: nobody for root, else
// whoever runs the test.
#pragma once

#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "auth/programs/program_account.h"

namespace toast::spawnd {

class ProgramFixture : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/toast-spawn-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern), nullptr);
    folder_ = pattern;
    ASSERT_EQ(::chmod(pattern, 0755), 0);
    uid_t uid = ::geteuid();
    if (uid == 0) uid = ::getpwnam("nobody")->pw_uid;
    const passwd* entry = ::getpwuid(uid);
    ASSERT_NE(entry, nullptr);
    user_ = entry->pw_name;
    account_ = {entry->pw_uid, entry->pw_gid, {entry->pw_gid}};
    out_ = folder_ + "/out";
    std::filesystem::create_directory(out_);
    ASSERT_EQ(::chown(out_.c_str(), account_.uid, account_.gid), 0);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // The path of a program of these lines; OUT is a folder where it may write.
  std::string program(const std::string& name, const std::string& lines, unsigned mode = 0755) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\nOUT=" << out_ << "\n" << lines << "\n";
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string written(const std::string& name) const {
    std::ifstream file(out_ + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string folder_;
  std::string out_;
  std::string user_;
  auth::ProgramAccount account_;
};

}  // namespace toast::spawnd
