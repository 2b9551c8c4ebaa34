#include "mta/message/message_id.h"

#include <gtest/gtest.h>

#include "mta/message/address_codec.h"

namespace toast {
namespace {

TEST(MessageId, TextRoundTrip) {
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    const MessageId id(value);
    EXPECT_EQ(id.str().size(), 13U);
    const auto again = MessageId::parse(id.str());
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, id);
  }
  for (std::string_view bad : {"", "0", "0123456789abz", "0123456789abcd", "../../../etc/p"})
    EXPECT_FALSE(MessageId::parse(bad)) << bad;
}

TEST(MessageId, IncreasesWhateverTheClockDoes) {
  FakeClock clock;
  MessageIdSource source(clock, 3);
  MessageId last = source.next();
  for (int i = 0; i < 2000; ++i) {
    if (i == 500) clock.set_wall(clock.wall() - std::chrono::hours{24});
    if (i == 1000) clock.advance(std::chrono::hours{48});
    const MessageId id = source.next();
    ASSERT_GT(id, last) << i;
    ASSERT_GT(id.str(), last.str()) << i;
    last = id;
  }
}

TEST(MessageId, MakersNeverMeet) {
  FakeClock clock;
  MessageIdSource one(clock, 0);
  MessageIdSource two(clock, 1);
  for (int i = 0; i < 600; ++i) EXPECT_NE(one.next(), two.next());
}

TEST(AddressCodec, RefusesWhatIsNoAddress) {
  Encoder good;
  put_address(good, *Address::parse("\"a b\"@example.org"));
  put_reverse_path(good, std::nullopt);
  Decoder decoder(good.view());
  EXPECT_EQ(take_address(decoder).str(), "\"a b\"@example.org");
  EXPECT_EQ(take_reverse_path(decoder), std::nullopt);
  EXPECT_TRUE(decoder.finish("test"));
  Encoder bad;
  bad.bytes("no address");
  Decoder refuses(bad.view());
  (void)take_address(refuses);
  EXPECT_FALSE(refuses.finish("test"));
}

}  // namespace
}  // namespace toast
