#include "vdomain/maildir/listing.h"

#include <cstring>

#include "tests/unit/maildir/maildir_fixture.h"

namespace toast::maildir {
namespace {

class ListingTest : public ::testing::Test {
 protected:
  Fd file_of(const std::string& bytes) {
    put_file(root.path() + "/listing", bytes);
    return std::move(*open_file(root.path() + "/listing", O_RDONLY));
  }
  std::string three() {
    ListingBuilder builder;
    builder.add("1.a,W=5", "1.a,W=5", 5, kListedInNew);
    builder.add("2.b:2,S", "2.b", 7, kListedSeen);
    builder.add("3 odd\xff:2,", "3 odd\xff", 11, kListedOwnUniqueId);
    ListingFile file = builder.finish({}, {}, 0, {});
    file.add_checksum();
    std::string whole;
    for (const std::string_view piece : file.pieces()) whole += piece;
    return whole;
  }
  TempDir root;
};

TEST_F(ListingTest, ReadsBackWhatWasBuilt) {
  const Result<Listing> listing = Listing::open(file_of(three()));
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->count(), 3U);
  EXPECT_EQ(listing->octets(), 23U);
  const Result<ListingPage> page = listing->page(0, 100);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), 3U);
  EXPECT_EQ(page->name(0), "1.a,W=5");
  EXPECT_EQ(page->unique_id(0), "1.a,W=5");
  EXPECT_TRUE(page->in_new(0));
  EXPECT_EQ(page->name(1), "2.b:2,S");
  EXPECT_EQ(page->unique_id(1), "2.b");
  EXPECT_TRUE(page->is_seen(1));
  EXPECT_EQ(page->unique_id(2), unique_id("3 odd\xff"));
  EXPECT_EQ(page->wire_bytes(2), 11U);
}

TEST_F(ListingTest, Pages) {
  const Result<Listing> listing = Listing::open(file_of(three()));
  EXPECT_EQ(listing->page(1, 1)->name(0), "2.b:2,S");
  EXPECT_EQ(listing->page(1, 1)->size(), 1U);
  EXPECT_EQ(listing->page(2, 5)->size(), 1U);
  EXPECT_EQ(listing->page(3, 5)->size(), 0U);
  EXPECT_EQ(listing->page(~0U, ~0U)->size(), 0U);
  EXPECT_EQ(listing->sizes(1, 2)->wire_bytes(1), 11U);
  EXPECT_EQ(listing->sizes(1, 2)->name(1), "");
}

TEST_F(ListingTest, DamageIsRefused) {
  const std::string good = three();
  struct Case {
    const char* what;
    std::string bytes;
  };
  const auto with = [&](std::size_t at, std::string_view bytes) {
    std::string changed = good;
    changed.replace(at, bytes.size(), bytes);
    return changed;
  };
  const std::string_view all("\xff\xff\xff\xff", 4);
  const Case at_open[] = {{"empty", ""},
                          {"half a header", good.substr(0, 100)},
                          {"other magic", with(0, "X")},
                          {"count", with(8, all)},
                          {"text size", with(24, all)},
                          {"cut", good.substr(0, good.size() - 1)},
                          {"longer", good + "x"}};
  for (const Case& c : at_open) EXPECT_FALSE(Listing::open(file_of(c.bytes))) << c.what;
  const std::size_t entry = kListingHeaderBytes + kListingEntryBytes;  // of the second message
  const Case at_page[] = {{"text offset", with(entry + 8, all)},
                          {"name length", with(entry + 12, all.substr(0, 2))},
                          {"no name", with(entry + 12, std::string_view("\0\0", 2))},
                          {"unique-id length", with(entry + 14, all.substr(0, 1))},
                          {"no unique-id", with(entry + 14, std::string_view("\0", 1))},
                          {"a path", with(kListingHeaderBytes + 3 * kListingEntryBytes, "/")}};
  for (const Case& c : at_page) {
    const Result<Listing> listing = Listing::open(file_of(c.bytes));
    ASSERT_TRUE(listing) << c.what;
    EXPECT_FALSE(listing->page(0, 10)) << c.what;
  }
}

TEST_F(ListingTest, FileThatShrinksUnderTheReader) {
  const std::string path = root.path() + "/listing";
  const Result<Listing> listing = Listing::open(file_of(three()));
  ASSERT_EQ(::truncate(path.c_str(), 160), 0);
  EXPECT_FALSE(listing->page(0, 10));
}

TEST_F(ListingTest, ChecksumTells) {
  std::string file = three();
  const Result<Listing> listing = Listing::open(file_of(file));
  EXPECT_TRUE(checksum_holds(listing->header(), file.substr(kListingHeaderBytes)));
  file.back() ^= 1;
  EXPECT_FALSE(checksum_holds(listing->header(), file.substr(kListingHeaderBytes)));
}

}  // namespace
}  // namespace toast::maildir
