#include "vdomain/maildir/maildrop.h"

#include <seccomp.h>
#include <sys/wait.h>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

const MaildirPath kPath = *MaildirPath::parse("example.org/ann/Maildir");

class MaildropTest : public MaildirTest {
 protected:
  MaildropTest() { make_maildir(maildir); }

  struct Seen {
    std::vector<std::string> names;
    std::vector<std::string> unique_ids;
    std::vector<std::uint64_t> sizes;
    std::uint64_t octets = 0;
  };
  Seen open() {
    Result<MaildropReader::Opened> opened = keeper->maildrops.open(kPath);
    if (!opened) return ADD_FAILURE() << opened.error().detail, Seen{};
    if (opened->unkept) keeper->maildrops.keep(std::move(*opened->unkept));
    const Result<Listing> listing = Listing::open(std::move(opened->listing));
    if (!listing) return ADD_FAILURE() << listing.error().detail, Seen{};
    EXPECT_EQ(listing->count(), opened->messages);
    EXPECT_EQ(listing->octets(), opened->octets);
    Seen seen;
    seen.octets = opened->octets;
    const Result<ListingPage> page = listing->page(0, listing->count());
    for (std::size_t i = 0; page && i < page->size(); ++i) {
      seen.names.emplace_back(page->name(i));
      seen.unique_ids.emplace_back(page->unique_id(i));
      seen.sizes.push_back(page->wire_bytes(i));
    }
    EXPECT_EQ(seen.names.size(), opened->messages);
    return seen;
  }
  void put(const std::string& where, std::string_view content) {
    put_file(maildir + "/" + where, content);
  }
  std::string fetch(const std::string& name) {
    Result<MaildropReader::Message> message = keeper->maildrops.fetch(kPath, name);
    if (!message) return message.error().reply;
    Result<std::string> content = read_all(message->file, 1 << 20, name);
    EXPECT_EQ(content->size(), message->bytes);
    return *content;
  }
  MaildropReader::Removed remove(const std::vector<std::string>& names) {
    const QuotaHolder holder{*Address::parse("ann@example.org"), kPath, {}};
    return *keeper->maildrops.remove(holder, names);
  }
  // As a scan that comes `later`: listings are trusted when the directories had been quiet.
  void wait(std::chrono::seconds later) { clock.set_wall(SystemClock().wall() + later); }
  using Names = std::vector<std::string>;
};

TEST_F(MaildropTest, MissingMaildirIsEmpty) {
  std::filesystem::remove_all(maildir);
  EXPECT_EQ(open().names, Names{});
  EXPECT_FALSE(std::filesystem::exists(maildir)) << "reading makes nothing";
}

TEST_F(MaildropTest, ListsBothDirectoriesInOrderOfArrival) {
  put("cur/1700000002.b,S=9,W=12:2,S", "");
  put("new/1700000003.c,W=7", "");
  put("new/999999999.a,W=1", "");  // one digit less, years earlier
  put("cur/1700000002.a,W=2:2,", "");
  const Seen seen = open();
  EXPECT_EQ(seen.names, (Names{"999999999.a,W=1", "1700000002.a,W=2:2,",
                               "1700000002.b,S=9,W=12:2,S", "1700000003.c,W=7"}));
  EXPECT_EQ(seen.unique_ids[2], "1700000002.b,S=9,W=12");
  EXPECT_EQ(seen.octets, 22U);
}

TEST_F(MaildropTest, SizesThatNamesDoNotTellAreCounted) {
  put("new/1.a", "one\ntwo\n");
  put("cur/2.b,S=4:2,S", "x\r\ny");
  const Seen seen = open();
  EXPECT_EQ(seen.sizes, (std::vector<std::uint64_t>{10, 4}));
}

TEST_F(MaildropTest, CountedSizesAreRemembered) {
  put("new/1.a", "one\ntwo\n");
  put("new/3.c", "c\n");
  open();
  // Told apart from counting again by content that a Maildir's rules forbid to change.
  put("new/1.a", "");
  put("new/2.b", "b\n");
  std::filesystem::rename(maildir + "/new/3.c", maildir + "/cur/3.c:2,S");
  EXPECT_EQ(open().sizes, (std::vector<std::uint64_t>{10, 3, 3}));
}

TEST_F(MaildropTest, TornListingIsNotRemembered) {
  put("new/1.a", "one\ntwo\n");
  open();
  std::string listing = content_of(maildir + "/toast-listing");
  listing[kListingHeaderBytes] ^= 1;  // the size of the first message
  put("toast-listing", listing);
  EXPECT_EQ(open().sizes, std::vector<std::uint64_t>{10});
}

TEST_F(MaildropTest, NothingIsLeftInASmallMaildirWithSizesInNames) {
  put("new/1.a,W=3", "a\n");
  wait(std::chrono::seconds(10));
  open();
  EXPECT_EQ(names_in(maildir), (Names{"cur", "new", "tmp"}));
}

TEST_F(MaildropTest, LargeListingIsUsedAgainOnlyWhileNothingChanged) {
  for (std::uint32_t n = 0; n < kWorthKeeping; ++n)
    put("cur/" + std::to_string(1'700'000'000 + n) + ".x,W=10:2,S", "");
  wait(std::chrono::seconds(10));
  const std::uint64_t inode = [&] {
    open();
    struct stat status {};
    EXPECT_EQ(::stat((maildir + "/toast-listing").c_str(), &status), 0);
    return status.st_ino;
  }();
  const auto is_kept = [&] {
    struct stat status {};
    return ::stat((maildir + "/toast-listing").c_str(), &status) == 0 && status.st_ino == inode;
  };
  EXPECT_EQ(open().names.size(), kWorthKeeping);
  EXPECT_TRUE(is_kept());
  put("new/1800000000.y,W=1", "");
  EXPECT_EQ(open().names.size(), kWorthKeeping + 1);
  EXPECT_FALSE(is_kept()) << "made anew";
}

// The stamps of a directory tick slowly: a scan right after a change proves nothing about the next.
TEST_F(MaildropTest, ListingMadeTooSoonIsNotTrusted) {
  for (std::uint32_t n = 0; n < kWorthKeeping; ++n)
    put("cur/" + std::to_string(1'700'000'000 + n) + ".x,W=10:2,S", "");
  wait(std::chrono::seconds(1));
  open();
  EXPECT_EQ(names_in(maildir), (Names{"cur", "new", "tmp"})) << "not kept: nobody would use it";
  wait(std::chrono::seconds(10));
  open();
  EXPECT_TRUE(std::filesystem::exists(maildir + "/toast-listing"));
}

TEST_F(MaildropTest, ListingOfAnotherBootIsNotTrusted) {
  for (std::uint32_t n = 0; n < kWorthKeeping; ++n)
    put("cur/" + std::to_string(1'700'000'000 + n) + ".x,W=10:2,S", "");
  wait(std::chrono::seconds(10));
  open();
  // The same stamps in the header, other entries: as a power cut may leave it.
  std::string listing = content_of(maildir + "/toast-listing");
  std::fill(listing.begin() + static_cast<std::ptrdiff_t>(kListingHeaderBytes), listing.end(),
            '\0');
  put("toast-listing", listing);
  MaildropReader rebooted(keeper->store, keeper->quota, clock, {9, 9, 9});
  Result<MaildropReader::Opened> opened = rebooted.open(kPath);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->octets, 10ULL * kWorthKeeping);
  EXPECT_TRUE(Listing::open(std::move(opened->listing))->page(0, 5));
}

TEST_F(MaildropTest, ListingCannotBeWrittenByItsReader) {
  put("new/1.a,W=3", "a\n");
  Result<MaildropReader::Opened> opened = keeper->maildrops.open(kPath);
  ASSERT_TRUE(opened);
  EXPECT_NE(::write(opened->listing.get(), "x", 1), 1);
  EXPECT_NE(::ftruncate(opened->listing.get(), 0), 0);
}

// As under a sandbox that knows no memfd_create: the same listing, in a child that has lost the
// call.
TEST_F(MaildropTest, WithoutMemoryFiles) {
  put("new/1.a,W=3", "a\n");
  const pid_t child = ::fork();
  if (child == 0) {
    scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
    ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(memfd_create), 0);
    if (::seccomp_load(filter) != 0) ::_exit(2);
    ::_exit(open().names == Names{"1.a,W=3"} ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_EQ(names_in(root.path()), Names{"example.org"}) << "it had no name";
}

TEST_F(MaildropTest, FullDiskDoesNotKeepAnybodyOut) {
  put("new/1.a", "one\n");
  files.fail("create", ENOSPC);
  EXPECT_EQ(open().sizes, std::vector<std::uint64_t>{5});
}

// ---- fetch

TEST_F(MaildropTest, FetchFindsTheMessageWhereverItWent) {
  put("new/1.a,W=3", "a\n");
  EXPECT_EQ(fetch("1.a,W=3"), "a\n");
  std::filesystem::rename(maildir + "/new/1.a,W=3", maildir + "/cur/1.a,W=3");
  EXPECT_EQ(fetch("1.a,W=3"), "a\n");
  std::filesystem::rename(maildir + "/cur/1.a,W=3", maildir + "/cur/1.a,W=3:2,FS");
  EXPECT_EQ(fetch("1.a,W=3"), "a\n");
  EXPECT_EQ(fetch("1.a,W=3:2,S"), "a\n");
  put("cur/1.a,W=33:2,", "another message whose name begins alike");
  std::filesystem::remove(maildir + "/cur/1.a,W=3:2,FS");
  EXPECT_EQ(fetch("1.a,W=3"), "4.2.0 gone");
}

TEST_F(MaildropTest, FetchOpensMessagesOnly) {
  put_file(root.path() + "/example.org/secret", "secret");
  put_file(maildir + "/maildirsize", "secret");
  std::filesystem::create_symlink(root.path() + "/example.org/secret", maildir + "/cur/1.link");
  std::filesystem::create_directory(maildir + "/cur/2.directory");
  ASSERT_EQ(::mkfifo((maildir + "/cur/3.fifo").c_str(), 0600), 0);
  for (const char* name : {"1.link", "2.directory", "3.fifo", "../maildirsize", "../../secret", "",
                           ".", "..", "/etc/passwd", ".hidden"}) {
    const Result<MaildropReader::Message> message = keeper->maildrops.fetch(kPath, name);
    EXPECT_FALSE(message) << name;
  }
  EXPECT_EQ(open().names, Names{}) << "none of them is listed";
}

TEST_F(MaildropTest, FetchedDescriptorIsReadOnly) {
  put("new/1.a,W=3", "a\n");
  const Result<MaildropReader::Message> message = keeper->maildrops.fetch(kPath, "1.a,W=3");
  ASSERT_TRUE(message);
  EXPECT_NE(::write(message->file.get(), "x", 1), 1);
}

// ---- remove

TEST_F(MaildropTest, RemovesWhereverTheyAreAndSyncsOnce) {
  put("new/1.a", "a");
  put("new/2.b", "b");
  put("cur/3.c:2,S", "c");
  put("cur/4.d:2,RS", "d");
  put("cur/5.e", "e");
  put("new/6.f", "f");
  files.forget();
  const auto removed = remove({"1.a", "2.b", "3.c:2,S", "4.d:2,", "5.e", "7.never"});
  EXPECT_EQ(removed.removed, 6U) << "gone already counts";
  EXPECT_EQ(removed.failed, 0U);
  EXPECT_EQ(names("new"), Names{"6.f"});
  EXPECT_EQ(names("cur"), Names{});
  Names syncs;
  for (const std::string& step : files.steps())
    if (step.starts_with("sync")) syncs.push_back(step);
  EXPECT_EQ(syncs, (Names{"sync directory new", "sync directory cur"}));
}

TEST_F(MaildropTest, RemoveTouchesMessagesOnly) {
  put_file(maildir + "/maildirsize", "x");
  const auto removed = remove({"../maildirsize", "", "..", ".hidden", "/etc/passwd"});
  EXPECT_EQ(removed.removed, 0U);
  EXPECT_EQ(removed.failed, 5U);
  EXPECT_TRUE(std::filesystem::exists(maildir + "/maildirsize"));
}

TEST_F(MaildropTest, WhatCannotBeRemovedIsToldOf) {
  put("new/1.a", "a");
  put("new/2.b", "b");
  files.fail("remove from new", EROFS);
  const auto removed = remove({"1.a", "2.b"});
  EXPECT_EQ(removed.removed, 1U);
  EXPECT_EQ(removed.failed, 1U);
}

}  // namespace
}  // namespace toast::maildir
