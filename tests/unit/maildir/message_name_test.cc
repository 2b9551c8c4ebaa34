#include "vdomain/maildir/message_name.h"

#include <gtest/gtest.h>

#include <set>

#include "vdomain/maildir/maildir_path.h"

namespace toast::maildir {
namespace {

DeliveryKey key() {
  // 2026-01-01 is 1767225600; this id was made 12.345678 s later, in the second of arrival.
  return {"0123456789abcdef", MessageId(12'345'678ULL << 13U), 1, 2, "ann@example.org",
          1'767'225'612};
}

TEST(MessageName, LooksLikeThis) {
  const std::string name = MessageNamer("mx.example.org").name(key(), {1234, 1260});
  EXPECT_TRUE(name.starts_with("1767225612.M345678Q")) << name;
  EXPECT_TRUE(name.ends_with(",S=1234,W=1260")) << name;
  EXPECT_EQ(name.find("example"), std::string::npos) << "the host name is not told";
  EXPECT_EQ(name.find(':'), std::string::npos);
}

TEST(MessageName, SameDeliverySameNameAnyOtherAnother) {
  const MessageNamer namer("mx.example.org");
  std::set<std::string> names{namer.name(key(), {10, 11})};
  EXPECT_FALSE(names.insert(namer.name(key(), {10, 11})).second);
  for (int part = 0; part < 6; ++part) {
    DeliveryKey other = key();
    if (part == 0) other.queue_instance[0] = 'x';
    if (part == 1) other.message = MessageId(other.message.value() + 1);
    if (part == 2) other.recipient_index = 7;
    if (part == 3) other.instruction_index = 7;
    if (part == 4) other.recipient = "anne@example.org";
    if (part == 5) other.arrival_seconds += 1;
    EXPECT_TRUE(names.insert(namer.name(other, {10, 11})).second) << part;
  }
  EXPECT_TRUE(names.insert(namer.name(key(), {10, 11}, 1)).second);
  EXPECT_TRUE(names.insert(MessageNamer("other.example").name(key(), {10, 11})).second);
}

TEST(MessageName, LargestStillFitsAUniqueId) {
  DeliveryKey largest = key();
  largest.arrival_seconds = 9'999'999'999;
  const std::string name = MessageNamer("h").name(largest, {kMaxNamedBytes, kMaxNamedBytes});
  EXPECT_EQ(name.size(), kMaxUniqueId);
  EXPECT_TRUE(is_valid_unique_id(name));
}

TEST(MessageName, SortsByArrival) {
  const MessageNamer namer("h");
  std::string last;
  for (std::int64_t seconds : {0LL, 999'999'999LL, 1'767'225'612LL, 1'767'225'613LL}) {
    DeliveryKey later = key();
    later.arrival_seconds = seconds;
    const std::string name = namer.name(later, {1, 1});
    EXPECT_LT(last, name);
    last = name;
  }
  DeliveryKey late_in_second = key();
  late_in_second.message = MessageId(12'999'999ULL << 13U);
  EXPECT_LT(namer.name(key(), {1, 1}), namer.name(late_in_second, {1, 1}));
}

struct NameCase {
  std::string_view file, base, flags;
  std::optional<std::uint64_t> disk, wire;
};
const NameCase kGoodNames[] = {
    // ours, new and read
    {"1767225612.M1Qx.h,S=12,W=13", "1767225612.M1Qx.h,S=12,W=13", "", 12, 13},
    {"1767225612.M1Qx.h,S=12,W=13:2,RS", "1767225612.M1Qx.h,S=12,W=13", "RS", 12, 13},
    // qmail, Courier, Dovecot with its keywords, any order of sizes
    {"1204680122.27448.host", "1204680122.27448.host", "", {}, {}},
    {"1204680122.27448.host:2,", "1204680122.27448.host", "", {}, {}},
    {"1204680122.M9P8.h,W=5,S=4:2,Sab", "1204680122.M9P8.h,W=5,S=4", "Sab", 4, 5},
    // an experimental info part is no flags
    {"1.x:1,S", "1.x", "", {}, {}},
    // sizes that are none
    {"1.x,S=,W=-1", "1.x,S=,W=-1", "", {}, {}},
    {"1.x,S=12x", "1.x,S=12x", "", {}, {}},
    {"1.x,S=99999999999999999999,W=99999999999",
     "1.x,S=99999999999999999999,W=99999999999",
     "",
     {},
     {}},
    // sizes behind the colon belong to the flags
    {"1.x:2,S,S=5", "1.x", "S,S=5", {}, {}},
    // odd bytes are the business of their owner
    {"a b\xff:2,S", "a b\xff", "S", {}, {}},
};
const std::string_view kBadNames[] = {
    "", ".", "..", ".hidden", "a/b", "../etc/passwd", ":2,S", std::string_view("a\0b", 3)};

TEST(MessageName, ParsesAnybodys) {
  for (const NameCase& c : kGoodNames) {
    SCOPED_TRACE(c.file);
    const std::optional<ParsedName> parsed = parse_message_name(c.file);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->base, c.base);
    EXPECT_EQ(parsed->flags, c.flags);
    EXPECT_EQ(parsed->disk, c.disk);
    EXPECT_EQ(parsed->wire, c.wire);
  }
  for (const std::string_view name : kBadNames) EXPECT_FALSE(parse_message_name(name)) << name;
  EXPECT_FALSE(parse_message_name(std::string(256, 'x')));
}

// Names are looked at eight bytes at a time: every byte at every place of every length.
TEST(MessageName, EveryByteCountsWhereverItIs) {
  for (std::size_t length = 1; length <= 2 * 8 + 1; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string name(length, 'x');
        name[at] = static_cast<char>(byte);
        EXPECT_EQ(is_valid_unique_id(name), byte >= 0x21 && byte <= 0x7e);
        const std::optional<ParsedName> parsed = parse_message_name(name);
        const bool empty_or_hidden = at == 0 && (byte == ':' || byte == '.');
        ASSERT_EQ(parsed.has_value(), byte != '/' && byte != 0 && !empty_or_hidden);
        if (parsed) EXPECT_EQ(parsed->base.size(), byte == ':' ? at : length);
      }
    }
  }
}

TEST(MessageName, Seconds) {
  struct {
    std::string_view base;
    std::uint64_t seconds;
    std::string_view after;
  } const cases[] = {{"1204680122.x", 1204680122, ".x"},
                     {"x", 0, "x"},
                     {"7", 7, ""},
                     {"999999999999999999.x", 999999999999999999, ".x"},
                     {"1000000000000000000.x", 0, ".x"},
                     {"00000000000000000000000005", 0, ""}};
  for (const auto& c : cases) {
    const std::optional<ParsedName> parsed = parse_message_name(c.base);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->seconds, c.seconds) << c.base;
    EXPECT_EQ(parsed->after_seconds, c.after) << c.base;
  }
}

TEST(MessageName, UniqueIdsThatPop3CanCarry) {
  EXPECT_EQ(unique_id("1204680122.27448.host"), "1204680122.27448.host");
  const std::string at_limit(70, 'x');
  EXPECT_EQ(unique_id(at_limit), at_limit);
  std::set<std::string> ids;
  for (const std::string& odd : {std::string(71, 'x'), std::string(72, 'x'), std::string("a b"),
                                 std::string("a\xff"), std::string("a\x7f")}) {
    EXPECT_TRUE(is_valid_unique_id(unique_id(odd))) << odd;
    EXPECT_TRUE(ids.insert(unique_id(odd)).second) << odd;
    EXPECT_EQ(unique_id(odd), unique_id(odd));
  }
}

TEST(MessageName, EveryByteOfAUniqueIdIsLookedAt) {
  for (const std::size_t size : {1U, 7U, 8U, 9U, 70U}) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string id(size, 'm');
        id[at] = static_cast<char>(byte);
        EXPECT_EQ(is_valid_unique_id(id), byte >= 0x21 && byte <= 0x7e)
            << byte << " at " << at << " of " << size;
      }
    }
  }
  EXPECT_FALSE(is_valid_unique_id(""));
  EXPECT_FALSE(is_valid_unique_id(std::string(71, 'm')));
}

TEST(SizeCounterTest, CountsWireBytesHoweverTheTextIsCut) {
  struct Case {
    std::string_view text;
    std::uint64_t wire;
  };
  const Case cases[] = {{"", 0},         {"a", 1},        {"a\n", 3}, {"\n\n", 4},
                        {"a\r\nb\n", 6}, {"\r\r\n\n", 5}, {"\r", 1},  {"a\rb\n", 5}};
  for (const Case& c : cases) {
    for (std::size_t cut = 0; cut <= c.text.size(); ++cut) {
      SizeCounter counter;
      counter.add(c.text.substr(0, cut));
      counter.add(c.text.substr(cut));
      EXPECT_EQ(counter.size().disk, c.text.size());
      EXPECT_EQ(counter.size().wire, c.wire) << c.text << " cut at " << cut;
    }
  }
}

TEST(MaildirPathTest, StaysBelowItsRoot) {
  for (const std::string_view good :
       {"example.org/ann/Maildir", "./example.org/ann/Maildir/", "a", "...", "a b/\xc3\xa4"})
    EXPECT_TRUE(MaildirPath::parse(good)) << good;
  for (const std::string_view bad :
       {"", "/", "./", "/etc", "..", "a/..", "a/../b", "a//b", "a/./b", "././a", "a\nb", "a/b//"})
    EXPECT_FALSE(MaildirPath::parse(bad)) << bad;
  EXPECT_FALSE(MaildirPath::parse(std::string_view("a\0b", 3)));
  EXPECT_FALSE(MaildirPath::parse(std::string(kMaxPathBytes + 1, 'a')));
  EXPECT_FALSE(MaildirPath::parse(std::string(256, 'a')));
  std::string deep = "a";
  for (std::size_t i = 1; i < kMaxPathDepth; ++i) deep += "/a";
  EXPECT_TRUE(MaildirPath::parse(deep));
  EXPECT_FALSE(MaildirPath::parse(deep + "/a"));
  EXPECT_EQ(MaildirPath::parse("a/b/")->str(), "a/b");
}

}  // namespace
}  // namespace toast::maildir
