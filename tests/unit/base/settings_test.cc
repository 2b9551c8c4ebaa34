// Settings: values, defaults, error texts, and what makes control/ unsafe.
#include "base/settings.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/settings_registry.h"

namespace toast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

SettingFiles with_me(std::initializer_list<SettingFiles::value_type> more = {}) {
  SettingFiles files{{"me", "mx.example.test\n"}};
  for (const auto& entry : more) files.insert_or_assign(entry.first, entry.second);
  return files;
}

TEST(Settings, DefaultsDeriveFromMe) {
  Result<Settings> settings = Settings::defaults("mx.example.test");
  ASSERT_TRUE(settings) << settings.error().detail;
  EXPECT_EQ(settings->get(setting::me), "mx.example.test");
  EXPECT_EQ(settings->get(setting::bouncehost), "mx.example.test");
  EXPECT_EQ(settings->get(setting::smtpgreeting), "mx.example.test");
  EXPECT_EQ(settings->get(setting::bouncefrom), "MAILER-DAEMON");
  EXPECT_EQ(settings->get(setting::timeoutsmtpd), std::chrono::seconds{300});
  EXPECT_EQ(settings->get(setting::databytes), 50U << 20);
  EXPECT_TRUE(settings->get(setting::relaynetworks).empty());
  ASSERT_EQ(settings->get(setting::smtplisten).size(), 2U);
  EXPECT_EQ(settings->get(setting::smtplisten)[1].str(), "[::]:25");
  EXPECT_FALSE(settings->is_set(setting::databytes));
  EXPECT_EQ(settings->text(setting::bouncehost), "mx.example.test");
}

TEST(Settings, RegistryIsSound) {
  std::set<std::string_view> names;
  Settings settings = std::move(*Settings::defaults("mx.example.test"));
  for (const SettingInfo* info : all_settings()) {
    SCOPED_TRACE(info->name);
    EXPECT_TRUE(names.insert(info->name).second) << "twice in kAllSettings";
    EXPECT_FALSE(info->meaning.empty());
    EXPECT_TRUE(info->meaning.ends_with('.'));
    EXPECT_FALSE(info->readers.empty());
    EXPECT_EQ(foreign_setting(info->name), "");
    // A default must be a value that the file may hold.
    const std::string text = settings.text(*info);
    EXPECT_TRUE(canonical_setting_text(*info, text)) << text;
  }
}

TEST(Settings, QmailReadingRules) {
  Settings::Read read = Settings::parse(with_me({
      {"databytes", "1000 \t\nsecond line\n"},              // only the first line counts
      {"smtpgreeting", "mx.example.test  hello there \t"},  // no newline, trailing blanks cut
      {"relaynetworks", "# ours\n192.0.2.0/24  \n\n2001:db8::/32\n"},
  }));
  ASSERT_TRUE(read.ok()) << describe(read.problems);
  EXPECT_EQ(read.settings.get(setting::databytes), 1000U);
  EXPECT_EQ(read.settings.get(setting::smtpgreeting), "mx.example.test  hello there");
  EXPECT_EQ(read.settings.get(setting::relaynetworks).size(), 2U);
  ASSERT_EQ(read.problems.size(), 1U);
  EXPECT_TRUE(read.problems[0].is_warning);
  EXPECT_EQ(read.problems[0].str(),
            "control/databytes:2: ignored: only the first line of this file counts");
}

struct BadCase {
  const char* name;
  std::string content;
  std::string error;
};
const BadCase kBad[] = {
    // numbers
    {"databytes", "", "control/databytes:1: \"\" is not a number; write a number from 0 to"},
    {"databytes", "lots", "control/databytes:1: \"lots\" is not a number"},
    {"databytes", "-1", "control/databytes:1: \"-1\" is not a number"},
    {"databytes", " 1",
     "control/databytes:1: \" 1\" is not a number"},  // qmail keeps leading blanks
    {"databytes", "50M", "control/databytes:1: \"50M\" is not a plain number; write 52428800"},
    {"databytes", "99999999999999999999", "is not a number"},  // over 64 bits
    {"timeoutsmtpd", "5m", "write 300"},
    {"smtpmaxrecipients", "99",
     "control/smtpmaxrecipients:1: 99 is out of range; write a number "
     "from 100 to 100000 (recipients)"},
    // words and names
    {"smtpbarenewline", "accept", "is not a choice; write refuse or normalise"},
    {"me", "mx_1.example", "write a host name such as mx.example.org"},
    {"me", "", "write a host name"},
    {"me", "mx.example.org\r\n", "control/me:1: the line ends in a carriage return"},
    {"bouncefrom", "a@b", "write the part of an address before the @"},
    {"smtpgreeting", "mx\x01", "control/smtpgreeting:1: the line contains a control character"},
    {"smtpgreeting", std::string("mx\0x", 4), "contains a control character"},
    // lists name the line
    {"relaynetworks", "192.0.2.0/24\n10.0.0.1/8\n",
     "control/relaynetworks:2: \"10.0.0.1/8\" has bits after its prefix; write 10.0.0.0/8"},
    {"relaynetworks", "10.\n", "control/relaynetworks:1: \"10.\" is not an IPv4 or IPv6 address"},
    {"relaynetworks", "192.0.2.0/33\n", "the prefix length must be 0 to 32"},
    {"smtplisten", "::1:25\n", "write 192.0.2.1:25 or [::1]:25"},
    {"smtplisten", "127.0.0.1\n", "write 192.0.2.1:25 or [::1]:25"},
    {"smtplisten", "127.0.0.1:65536\n", "write 192.0.2.1:25 or [::1]:25"},
    {"smtplisten", "localhost:25\n", "write 192.0.2.1:25 or [::1]:25"},
    // names
    {"databyte", "1", "control/databyte: unknown setting; did you mean databytes?"},
    {"notes", "1", "control/notes: unknown setting; remove the file"},
};

TEST(Settings, BadValuesNameFileLineAndRemedy) {
  for (const BadCase& c : kBad) {
    SCOPED_TRACE(std::string(c.name) + ": " + c.content);
    Settings::Read read = Settings::parse(with_me({{c.name, c.content}}));
    EXPECT_FALSE(read.ok());
    EXPECT_THAT(describe(read.problems), HasSubstr(c.error));
  }
}

TEST(Settings, EveryProblemIsReported) {
  Settings::Read read = Settings::parse({{"databytes", "x"}, {"relaynetworks", "a\nb\n"}});
  EXPECT_EQ(read.problems.size(), 4U);  // me is missing too
}

TEST(Settings, FilesOfQmailAndItsPatchesAreWarnings) {
  Settings::Read read =
      Settings::parse(with_me({{"rcpthosts", "example.org\n"}, {"spfbehavior", "3\n"}}));
  EXPECT_TRUE(read.ok());
  ASSERT_EQ(read.problems.size(), 2U);
  EXPECT_THAT(read.problems[0].text, HasSubstr("toastctl domain add"));
}

TEST(Settings, TypedValuesBecomePlainNumbers) {
  EXPECT_EQ(*canonical_setting_text(setting::databytes, "50M"), "52428800\n");
  EXPECT_EQ(*canonical_setting_text(setting::timeoutsmtpd, "5m"), "300\n");
  EXPECT_EQ(*canonical_setting_text(setting::timeoutsmtpd, "300\n"), "300\n");
  EXPECT_EQ(*canonical_setting_text(setting::relaynetworks, "192.0.2.0/24\n::1"),
            "192.0.2.0/24\n::1\n");
  EXPECT_EQ(*canonical_setting_text(setting::smtplisten, ""), "");  // no listener at all
  EXPECT_FALSE(canonical_setting_text(setting::databytes, "9999999T"));
  Result<std::string> bad = canonical_setting_text(setting::relaynetworks, "192.0.2.0/24\nx");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().detail, HasSubstr("line 2: \"x\" is not"));
}

TEST(Settings, SnapshotRoundTrips) {
  Settings::Read read = Settings::parse(with_me({{"databytes", "1000\n"}}));
  Result<Settings> again = Settings::parse_or_error(read.settings.files());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->get(setting::databytes), 1000U);
}

// --- control/ on disk

class ControlDirectory : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/toast_settings_XXXXXX";
    ASSERT_NE(::mkdtemp(path), nullptr);
    root_ = path;
    write("me", "mx.example.test\n");
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& name, const std::string& content, mode_t mode = 0644) {
    std::ofstream(root_ + "/" + name) << content;
    ASSERT_EQ(::chmod((root_ + "/" + name).c_str(), mode), 0);
  }
  std::string errors() { return describe(Settings::read_directory(root_).problems); }
  std::string root_;
};

TEST_F(ControlDirectory, IsRead) {
  write("databytes", "77\n");
  write(".gitignore", "x");           // names with a dot are nobody's settings
  write("databytes.tmp", "garbage");  // left by a killed toastctl config set
  Settings::Read read = Settings::read_directory(root_);
  ASSERT_TRUE(read.ok()) << describe(read.problems);
  EXPECT_EQ(read.settings.get(setting::databytes), 77U);
}

TEST_F(ControlDirectory, FileThatOthersMayWriteIsRefused) {
  write("relaynetworks", "192.0.2.0/24\n", 0664);
  EXPECT_EQ(errors(), "control/relaynetworks: mode 0664 lets others write it: chmod go-w " + root_ +
                          "/relaynetworks");
}

TEST_F(ControlDirectory, DirectoryThatOthersMayWriteIsRefused) {
  ASSERT_EQ(::chmod(root_.c_str(), 0777), 0);
  EXPECT_THAT(errors(), HasSubstr("mode 0777 lets others write it"));
}

TEST_F(ControlDirectory, FileOfAnotherUserIsRefused) {
  if (::geteuid() != 0) return;  // only root can give files away
  write("databytes", "1\n");
  ASSERT_EQ(::chown((root_ + "/databytes").c_str(), 65534, 65534), 0);
  EXPECT_THAT(errors(), HasSubstr("control/databytes: belongs to user 65534"));
}

TEST_F(ControlDirectory, UnreadableThingsAreNamedOnce) {
  ASSERT_EQ(::mkfifo((root_ + "/databytes").c_str(), 0600), 0);
  ASSERT_EQ(::mkdir((root_ + "/smtpgreeting").c_str(), 0700), 0);
  ASSERT_EQ(::mkdir((root_ + "/domainkeys").c_str(), 0700), 0);  // of a qmail patch: tolerated
  write("bouncefrom", std::string(kMaxSettingFile + 1, 'x'));
  const Settings::Read read = Settings::read_directory(root_);
  EXPECT_THAT(describe(read.problems), HasSubstr("control/databytes: not a regular file"));
  EXPECT_THAT(describe(read.problems), HasSubstr("control/smtpgreeting: not a regular file"));
  EXPECT_THAT(describe(read.problems), HasSubstr("bouncefrom is larger than 262144 bytes"));
  EXPECT_EQ(read.problems.size(), 4U);
}

TEST_F(ControlDirectory, MissingDirectoryOrMe) {
  ASSERT_EQ(::unlink((root_ + "/me").c_str()), 0);
  EXPECT_EQ(errors(), "control/me: missing; write this host's fully qualified name into it");
  const Settings::Read read = Settings::read_directory(root_ + "/none");
  EXPECT_FALSE(read.ok());
  EXPECT_THAT(describe(read.problems), HasSubstr("No such file or directory (toastctl init"));
}

}  // namespace
}  // namespace toast
