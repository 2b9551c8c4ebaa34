#include "vdomain/maildir/listing.h"

#include <cstring>

#include "tests/unit/maildir/maildir_fixture.h"
#include "vdomain/maildir/listing_writer.h"
#include "vdomain/maildir/message_name.h"

namespace toast::maildir {
namespace {

class ListingTest : public ::testing::Test {
 protected:
  Fd file_of(const std::string& bytes) {
    put_file(root.path() + "/listing", bytes);
    return std::move(*open_file(root.path() + "/listing", O_RDONLY));
  }
  std::string three() {
    const std::string path = root.path() + "/made";
    const Fd file = std::move(*open_file(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    ListingWriter writer(file, 3);
    writer.add("1.a,W=5", "1.a,W=5", 5, kListedInNew);
    writer.add("2.b:2,S", "2.b", 7, kListedSeen);
    writer.add("3 odd\xff:2,", "3 odd\xff", 11, kListedOwnUniqueId);
    EXPECT_TRUE(writer.finish());
    ListingHeader header;
    header.count = 3;
    header.octets = writer.octets();
    header.text_bytes = writer.text_end();
    EXPECT_TRUE(write_header(file, header));
    return content_of(path);
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

TEST_F(ListingTest, ChecksumIsOfAllBehindTheHeader) {
  const ListingHeader header = Listing::open(file_of(three()))->header();
  const auto sum = [&](std::size_t changed) {
    std::string bytes = three();
    bytes[changed] ^= 1;
    return *checksum_of(file_of(bytes), header);
  };
  const std::size_t end = three().size();
  EXPECT_EQ(sum(0), sum(kListingHeaderBytes - 1));
  EXPECT_NE(sum(0), sum(kListingHeaderBytes));
  EXPECT_NE(sum(0), sum(end - 1));
  EXPECT_NE(sum(kListingHeaderBytes), sum(end - 1));
  // Somebody appends to it, or cuts it, while it is read.
  EXPECT_EQ(*checksum_of(file_of(three() + "more"), header),
            *checksum_of(file_of(three()), header));
  EXPECT_FALSE(checksum_of(file_of(three().substr(0, end - 1)), header));
}

// More than the writer's buffers hold, whatever is large in it: entries, names, unique-ids.
TEST_F(ListingTest, WritesMoreThanItHoldsAtATime) {
  const Fd file = std::move(*open_file(root.path() + "/made", O_RDWR | O_CREAT, 0600));
  ScannedMaildir found;
  found.texts.resize(2);
  const auto add = [&](const std::string& base, const std::string& flags, std::uint64_t size) {
    const std::size_t n = found.messages.size();
    ScannedMessage& m = found.messages.emplace_back();
    m.text = n % 2;
    m.text_offset = static_cast<std::uint32_t>(found.texts[m.text].size());
    m.base_bytes = static_cast<std::uint8_t>(base.size());
    m.name_bytes = static_cast<std::uint8_t>(base.size() + flags.size());
    m.bits = is_valid_unique_id(base) ? 0 : kListedOwnUniqueId;
    m.wire_bytes = size;
    found.texts[m.text] += base + flags;
  };
  std::vector<std::string> names;
  std::vector<std::string> ids;
  std::uint64_t octets = 0;
  for (int n = 0; n < 20'000; ++n) {
    const bool gone = n % 1000 == 7;
    const std::string base = std::to_string(n) + std::string(n % 3 == 0 ? 200 : n % 60, 'x');
    add(base, ":2,S", gone ? kUnknownSize : static_cast<std::uint64_t>(n));
    if (gone) continue;
    names.push_back(base + ":2,S");
    ids.push_back(unique_id(base));
    octets += static_cast<std::uint64_t>(n);
  }
  asio::thread_pool pool(1);
  for (asio::thread_pool* helpers : {static_cast<asio::thread_pool*>(nullptr), &pool}) {
    ASSERT_EQ(::ftruncate(file.get(), 0), 0);
    const Result<ListingHeader> header = write_messages(file, found, helpers);
    ASSERT_TRUE(header);
    ASSERT_TRUE(write_header(file, *header));
    const Result<Listing> listing = Listing::open(std::move(*duplicate(file)));
    ASSERT_TRUE(listing) << listing.error().detail;
    ASSERT_EQ(listing->count(), names.size());
    EXPECT_EQ(listing->octets(), octets);
    for (std::uint32_t first = 0; first < listing->count(); first += 1000) {
      const Result<ListingPage> page = listing->page(first, 1000);
      ASSERT_TRUE(page) << page.error().detail;
      for (std::size_t i = 0; i < page->size(); ++i) {
        ASSERT_EQ(page->name(i), names[first + i]);
        ASSERT_EQ(page->unique_id(i), ids[first + i]);
      }
    }
  }
}

}  // namespace
}  // namespace toast::maildir
