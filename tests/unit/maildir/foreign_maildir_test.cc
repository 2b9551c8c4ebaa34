// Maildirs that qmail, Courier and Dovecot have written and are writing.
#include <thread>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

class ForeignMaildirTest : public MaildirTest {
 protected:
  ForeignMaildirTest() { make_maildir(maildir); }
};

TEST_F(ForeignMaildirTest, FilesOfOthersAreNoMessages) {
  for (const char* file :
       {"dovecot-uidlist", "dovecot.index.log", "courierpop3dsizelist", "subscriptions"})
    put_file(maildir + "/" + file, "x");
  make_maildir(maildir + "/.Sent");
  put_file(maildir + "/.Sent/maildirfolder", "");
  put_file(maildir + "/.Sent/cur/1.x:2,S", "sent");
  put_file(maildir + "/cur/1204680122.27448.host:2,S", "read\n");
  put_file(maildir + "/new/1204680123.27449.host", "new\n");
  const Result<MaildropReader::Opened> opened =
      keeper->maildrops.open(*MaildirPath::parse("example.org/ann/Maildir"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->messages, 2U);
  EXPECT_EQ(opened->octets, 11U);
}

TEST_F(ForeignMaildirTest, DoubleOfARenameIsListedOnce) {
  put_file(maildir + "/new/1.a,W=3", "a\n");
  put_file(maildir + "/cur/1.a,W=3:2,S", "a\n");
  const Result<MaildropReader::Opened> opened =
      keeper->maildrops.open(*MaildirPath::parse("example.org/ann/Maildir"));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->messages, 1U);
}

// Flags and places change all the time while we list; nothing is ever missing, nothing double.
TEST_F(ForeignMaildirTest, ListingWhileAnotherProgramRenames) {
  constexpr int kMessages = 500;
  for (int n = 0; n < kMessages; ++n)
    put_file(maildir + "/new/" + std::to_string(1'700'000'000 + n) + ".x,W=1", "");
  std::atomic<bool> stop = false;
  std::thread mover([&] {
    for (int n = 0; n < kMessages && !stop; ++n) {
      const std::string base = std::to_string(1'700'000'000 + n) + ".x,W=1";
      std::filesystem::rename(maildir + "/new/" + base, maildir + "/cur/" + base + ":2,");
    }
  });
  for (int visit = 0; visit < 20; ++visit) {
    const Result<MaildropReader::Opened> opened =
        keeper->maildrops.open(*MaildirPath::parse("example.org/ann/Maildir"));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->messages, static_cast<std::uint32_t>(kMessages));
  }
  stop = true;
  mover.join();
}

}  // namespace
}  // namespace toast::maildir
