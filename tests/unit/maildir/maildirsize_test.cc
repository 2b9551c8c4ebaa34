#include "vdomain/maildir/maildirsize.h"

#include <limits>
#include <random>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

struct LedgerCase {
  std::string_view text;
  std::int64_t bytes, messages;
  std::size_t changes;
};
const LedgerCase kGood[] = {
    {"10S\n", 0, 0, 0},
    {"10S,5C\n7 1\n", 7, 1, 1},
    {"5C,10S\n7 1\n-3 -1\n", 4, 0, 2},
    {"10S\n          7            1\n", 7, 1, 1},  // Courier pads its lines
    {"\n7 1\n", 7, 1, 1},                          // no limit
    {"10S\n999999999999999999 1\n", 999'999'999'999'999'999, 1, 1},
};
const std::string_view kBad[] = {
    "",
    "10S",
    "10S\n7 1",
    "10S\n7\n",
    "10S\n7 1 1\n",
    "10S\nx y\n",
    "10X\n7 1\n",
    "-10S\n",
    "NOQUOTA\n",
    "10S\n\n",
    "10S\n7 1\n-8 -1\n",              // below nothing
    "10S\n99999999999999999999 1\n",  // not a number of ours
    "10S\n1 1\n- 1\n",
};

TEST(MaildirSize, Parses) {
  for (const LedgerCase& c : kGood) {
    SCOPED_TRACE(c.text);
    const auto content = parse_maildirsize(c.text);
    ASSERT_TRUE(content);
    EXPECT_EQ(content->usage, (Usage{c.bytes, c.messages}));
    EXPECT_EQ(content->changes, c.changes);
  }
  for (const std::string_view text : kBad) EXPECT_FALSE(parse_maildirsize(text)) << text;
}

TEST(MaildirSize, SumsThatOverflowAreNoLedger) {
  std::string text = "10S\n";
  for (int line = 0; line < 12; ++line) text += "999999999999999999 1\n";
  EXPECT_FALSE(parse_maildirsize(text));
}

TEST(MaildirSize, ArithmeticAtItsEdges) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(saturated_add(kMost, 1), kMost);
  EXPECT_EQ(saturated_add(-kMost, -kMost), std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(fits({100, 0}, {90, 0}, 10));
  EXPECT_FALSE(fits({100, 0}, {90, 0}, 11));
  EXPECT_TRUE(fits({0, 2}, {kMost, 1}, kHuge)) << "no limit of bytes";
  EXPECT_FALSE(fits({0, 2}, {0, 2}, 1));
  EXPECT_FALSE(fits({100, 0}, {1, 0}, kHuge));
  EXPECT_FALSE(fits({100, 0}, {kMost, 0}, 1));
  EXPECT_TRUE(fits({kHuge, kHuge}, {kMost - 1, kMost - 1}, 1));
}

class LedgerTest : public MaildirTest {
 protected:
  LedgerTest() { make_maildir(maildir); }
  Fd top() { return std::move(*open_file(maildir, O_RDONLY | O_DIRECTORY)); }
  std::string ledger_text() { return content_of(maildir + "/maildirsize"); }
  void put_message(const std::string& where, std::size_t bytes) {
    put_file(maildir + "/" + where, std::string(bytes, 'x'));
  }
  SystemClock real_clock;
  Ledger ledger{files, real_clock};
  const vdomain::Quota quota{1000, 10};
};

TEST_F(LedgerTest, CountsWhatMaildirPlusPlusCounts) {
  for (const char* folder : {"/.Sent", "/.Trash"}) make_maildir(maildir + folder);
  put_message("new/1.a", 10);
  put_message("cur/2.b:2,S", 20);
  put_message("cur/3.c,S=500:2,", 1);  // the name is believed
  put_message("cur/4.d:2,ST", 1000);   // trashed
  put_message(".Sent/cur/5.e:2,S", 40);
  put_message(".Trash/cur/6.f:2,S", 1000);
  put_message("cur/.hidden", 1000);
  put_message("tmp/7.g", 1000);
  std::filesystem::create_directory(maildir + "/cur/8.directory");
  const Result<Usage> usage = count_messages(top());
  ASSERT_TRUE(usage);
  EXPECT_EQ(*usage, (Usage{570, 4}));
}

TEST_F(LedgerTest, MissingWrongOrLongIsCountedAnew) {
  put_message("new/1.a", 10);
  const std::string long_ledger = [] {
    std::string text = "1000S,10C\n";
    while (text.size() < kMaxLedgerBytes) text += "1 0\n";
    return text;
  }();
  for (const std::string& before :
       {std::string("-"), std::string("999S\n10 1\n"), std::string("garbage"), long_ledger}) {
    if (before == "-")
      std::filesystem::remove(maildir + "/maildirsize");
    else
      put_file(maildir + "/maildirsize", before);
    const Result<Ledger::Reading> reading = ledger.read(top(), quota);
    ASSERT_TRUE(reading);
    EXPECT_EQ(reading->usage, (Usage{10, 1}));
    EXPECT_TRUE(reading->fresh);
    EXPECT_EQ(ledger_text(), "1000S,10C\n10 1\n");
    EXPECT_EQ(names("tmp").size(), 0U);
  }
}

// Asked for while the first delivery makes it.
TEST_F(LedgerTest, AMaildirThatIsBeingMadeHasNothing) {
  std::filesystem::remove(maildir + "/tmp");
  const Result<Ledger::Reading> reading = ledger.read(top(), quota);
  ASSERT_TRUE(reading) << reading.error().detail;
  EXPECT_EQ(reading->usage, (Usage{0, 0}));
  EXPECT_FALSE(std::filesystem::exists(maildir + "/maildirsize"));
}

TEST_F(LedgerTest, BelievesALedgerThatIsInOrder) {
  put_file(maildir + "/maildirsize", "1000S,10C\n700 7\n-100 -1\n");
  const Result<Ledger::Reading> reading = ledger.read(top(), quota);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->usage, (Usage{600, 6}));
  EXPECT_FALSE(reading->fresh) << "changed since it was counted";
  put_file(maildir + "/maildirsize", "1000S,10C\n700 7\n");
  EXPECT_TRUE(ledger.read(top(), quota)->fresh);
}

TEST_F(LedgerTest, AppendsOneLine) {
  put_file(maildir + "/maildirsize", "1000S,10C\n0 0\n");
  ledger.add(top(), {123, 1});
  ledger.add(top(), {-23, -1});
  EXPECT_EQ(ledger_text(), "1000S,10C\n0 0\n123 1\n-23 -1\n");
}

TEST_F(LedgerTest, FailedAppendIsForgottenNotWrong) {
  put_file(maildir + "/maildirsize", "1000S,10C\n0 0\n");
  files.fail("append", ENOSPC);
  ledger.add(top(), {123, 1});
  EXPECT_FALSE(std::filesystem::exists(maildir + "/maildirsize"));
}

TEST_F(LedgerTest, LinkInItsPlaceIsNotFollowed) {
  const std::string victim = root.path() + "/victim";
  put_file(victim, "1000S,10C\n0 0\n");
  std::filesystem::create_symlink(victim, maildir + "/maildirsize");
  ledger.add(top(), {123, 1});
  ASSERT_TRUE(ledger.read(top(), quota));
  EXPECT_EQ(content_of(victim), "1000S,10C\n0 0\n");
}

// Whatever happened to mailbox and ledger, a recount is the truth; and appends alone keep it so.
TEST_F(LedgerTest, RandomHistoriesEndInTheTruth) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::filesystem::remove_all(maildir);
    make_maildir(maildir);
    ASSERT_TRUE(ledger.recount(top(), quota));
    std::vector<std::pair<std::string, std::size_t>> messages;
    for (int step = 0; step < 60; ++step) {
      if (messages.empty() || random() % 3 != 0) {
        const std::size_t bytes = random() % 50;
        std::string name = std::to_string(1000 + step) + ".x";
        if (random() % 2 == 0) name += ",S=" + std::to_string(bytes);
        name = random() % 2 == 0 ? "new/" + name : "cur/" + name + ":2,S";
        put_message(name, bytes);
        messages.emplace_back(name, bytes);
        ledger.add(top(), {static_cast<std::int64_t>(bytes), 1});
      } else {
        const std::size_t which = random() % messages.size();
        std::filesystem::remove(maildir + "/" + messages[which].first);
        ledger.add(top(), {-static_cast<std::int64_t>(messages[which].second), -1});
        messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(which));
      }
    }
    Usage truth;
    for (const auto& [name, bytes] : messages) truth.bytes += static_cast<std::int64_t>(bytes);
    truth.messages = static_cast<std::int64_t>(messages.size());
    EXPECT_EQ(ledger.read(top(), quota)->usage, truth) << "by its lines";
    EXPECT_EQ(*ledger.recount(top(), quota), truth) << "counted";
    EXPECT_EQ(ledger.read(top(), quota)->usage, truth) << "written back";
  }
}

}  // namespace
}  // namespace toast::maildir
