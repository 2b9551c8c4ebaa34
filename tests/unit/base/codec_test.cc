// The codec: what is written is read back; whatever else is read fails within its limits.
#include "base/codec.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace toast {
namespace {

enum class Colour : unsigned char { red, green, blue };

std::string sample() {
  Encoder e;
  e.u8(0xff);
  e.u16(0x1234);
  e.u32(0xdeadbeef);
  e.u64(0x0123456789abcdef);
  e.i64(-2);
  e.boolean(true);
  e.bytes(std::string_view("a\0b", 3));
  e.enumeration(Colour::blue);
  e.list(std::vector<std::string>{"x", ""}, [](Encoder& out, const auto& s) { out.bytes(s); });
  return e.take();
}

TEST(Codec, RoundTrip) {
  const std::string bytes = sample();
  Decoder d(bytes);
  EXPECT_EQ(d.u8(), 0xff);
  EXPECT_EQ(d.u16(), 0x1234);
  EXPECT_EQ(d.u32(), 0xdeadbeef);
  EXPECT_EQ(d.u64(), 0x0123456789abcdefU);
  EXPECT_EQ(d.i64(), -2);
  EXPECT_TRUE(d.boolean());
  EXPECT_EQ(d.string(3), std::string("a\0b", 3));
  EXPECT_EQ(d.enumeration(Colour::blue), Colour::blue);
  const auto items = d.list(2, [](Decoder& in) { return in.string(1); });
  EXPECT_EQ(items, (std::vector<std::string>{"x", ""}));
  EXPECT_TRUE(d.finish("sample"));
}

TEST(Codec, LayoutIsLittleEndianAndCounted) {
  Encoder e;
  e.u16(0x0102);
  e.bytes("ab");
  EXPECT_EQ(e.view(), std::string("\x02\x01\x02\0\0\0ab", 8));
}

TEST(Codec, LimitsAreTheReaders) {
  Encoder e;
  e.bytes("four");
  {
    Decoder d(e.view());
    EXPECT_EQ(d.bytes(3), "");
    EXPECT_FALSE(d.finish("string"));
  }
  Encoder items;
  items.list(std::vector<int>{1, 2, 3}, [](Encoder& out, int) { out.u8(1); });
  Decoder d(items.view());
  EXPECT_TRUE(d.list(2, [](Decoder& in) { return in.u8(); }).empty());
  EXPECT_FALSE(d.finish("list"));
}

TEST(Codec, OutOfRangeValuesFail) {
  {
    Decoder d("\x02");
    EXPECT_FALSE(d.boolean());
    EXPECT_FALSE(d.ok());
  }
  Decoder d("\x03");
  EXPECT_EQ(d.enumeration(Colour::blue), Colour::red);
  EXPECT_FALSE(d.ok());
}

TEST(Codec, BytesLeftOverFail) {
  Decoder d("ab");
  d.u8();
  Result<void> finished = d.finish("thing");
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().detail, "thing: bytes left over");
  EXPECT_EQ(finished.error().failure, Failure::permanent);
}

TEST(Codec, FirstErrorStays) {
  Decoder d("");
  d.u64();
  d.fail("something else");
  EXPECT_EQ(d.finish("thing").error().detail, "thing: cut short");
}

// A count that promises more than is there must not make us reserve memory for it.
TEST(Codec, HugeCountsAllocateNothing) {
  Encoder e;
  e.u32(0xffffffff);
  Decoder d(e.view());
  EXPECT_TRUE(d.list(0xffffffff, [](Decoder& in) { return in.u64(); }).empty());
  EXPECT_FALSE(d.ok());
}

TEST(Codec, EveryPrefixAndRandomBytesFailCleanly) {
  const std::string bytes = sample();
  const auto read_all_of = [](std::string_view in) {
    Decoder d(in);
    d.u8(), d.u16(), d.u32(), d.u64(), d.i64(), d.boolean(), d.string(3);
    d.enumeration(Colour::blue);
    d.list(2, [](Decoder& item) { return item.string(1); });
    return d.finish("sample").has_value();
  };
  for (std::size_t n = 0; n < bytes.size(); ++n)
    EXPECT_FALSE(read_all_of(std::string_view(bytes).substr(0, n))) << n;
  SeededRandom random(1);
  for (int i = 0; i < 10'000; ++i) (void)read_all_of(random.bytes(i % 64));
}

}  // namespace
}  // namespace toast
