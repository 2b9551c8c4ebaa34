// An envelope that is kept packed says what it said before.
#include "mta/queue/journal/envelope.h"

#include <gtest/gtest.h>

namespace toast::queue {
namespace {

Envelope envelope(std::size_t recipients) {
  Envelope made;
  made.reverse_path = "bob@example.net";
  for (std::size_t i = 0; i < recipients; ++i)
    made.recipients.push_back({"ann" + std::to_string(i) + "@example.org", i % 2 == 0 ? "" : "Ann",
                               std::string(i % 3, 'o'), static_cast<std::uint8_t>(i % 8)});
  made.smtputf8 = true;
  made.ret = DsnReturn::headers;
  made.envid = "QQ314159";
  made.authenticated = "bob@example.net";
  made.peer = "2001:db8::7";
  made.helo = "client.example.net";
  made.session = "s-17";
  return made;
}

TEST(PackedEnvelope, GivesBackWhatWasPutIn) {
  for (const std::size_t recipients : {1U, 2U, 3U, 100U}) {
    const Envelope wanted = envelope(recipients);
    const PackedEnvelope packed(wanted);
    EXPECT_EQ(packed.unpack(), wanted) << recipients;
    EXPECT_EQ(packed.reverse_path(), "bob@example.net");
    EXPECT_EQ(packed.recipients(), recipients);
    EXPECT_EQ(packed.recipient(0).address, "ann0@example.org");
    EXPECT_EQ(packed.session(), "s-17");
  }
  Envelope nothing_more;
  nothing_more.recipients.push_back({"ann@example.org", {}, {}, 0});
  EXPECT_EQ(PackedEnvelope(nothing_more).unpack(), nothing_more);
}

// Where the length of a length changes.
TEST(PackedEnvelope, TextsOfAnyLength) {
  for (const std::size_t length : {0U, 1U, 127U, 128U, 129U, 16'383U, 16'384U, 100'000U}) {
    Envelope wanted = envelope(2);
    wanted.reverse_path.assign(length, 'r');
    wanted.recipients[1].original.assign(length, 'o');
    wanted.helo.assign(length, 'h');
    EXPECT_EQ(PackedEnvelope(wanted).unpack(), wanted) << length;
  }
}

TEST(PackedEnvelope, CopiesShareAndOutliveEachOther) {
  PackedEnvelope none;
  EXPECT_FALSE(none);
  PackedEnvelope first(envelope(2));
  PackedEnvelope second = first;
  EXPECT_EQ(first.reverse_path().data(), second.reverse_path().data());
  first = none;
  EXPECT_FALSE(first);
  EXPECT_EQ(second.unpack(), envelope(2));
  first = std::move(second);
  EXPECT_EQ(first, PackedEnvelope(envelope(2)));
  EXPECT_FALSE(first == PackedEnvelope(envelope(3)));
  EXPECT_FALSE(first == none);
}

}  // namespace
}  // namespace toast::queue
