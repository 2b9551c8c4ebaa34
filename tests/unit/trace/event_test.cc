#include "mta/queue/trace/event.h"

#include <gtest/gtest.h>

#include "tests/unit/trace/trace_fixture.h"

namespace toast::queue::trace {
namespace {

Event through_codec(const Event& event) {
  Encoder e;
  encode(e, event);
  EXPECT_LE(e.view().size(), kMaxEventBytes);
  Decoder d(e.view());
  Event again = decode_event(d);
  EXPECT_TRUE(d.finish("event"));
  return again;
}

TEST(TraceEvent, ComesBackAsItWas) {
  Event full = child_of(arrival(7, 1, "ann@example.org", {"bob@a.test", "carl@b.test"}, "x@y"), 6);
  full.login = "ann@example.org";
  full.remote = "somewhere";
  for (const Event& event :
       {full, attempt(7, 2, Kind::deferred, "bob@a.test", "4.2.2 over quota"), finished(7, 3)})
    EXPECT_EQ(through_codec(event), event);
}

TEST(TraceEvent, WhatIsTooLongIsCut) {
  const std::string much(5000, 'x');
  Event event = arrival(1, 1, much, std::vector<std::string>(20'000, much), much);
  event.peer = event.login = event.text = event.remote = much;
  const Event cut = through_codec(event);
  EXPECT_EQ(cut.sender.size(), kMaxAddressText);
  EXPECT_EQ(cut.message_id.size(), kMaxMessageIdText);
  EXPECT_EQ(cut.text.size(), kMaxEventText);
  EXPECT_EQ(cut.recipients.size(), kMaxNamedBytes / kMaxAddressText);
  EXPECT_EQ(cut.recipient_count, 20'000U);
  Event many = arrival(1, 1, "a@b.test", std::vector<std::string>(5000, "c@d.test"));
  EXPECT_EQ(through_codec(many).recipients.size(), kMaxNamedRecipients);
}

TEST(TraceEvent, WhatIsNotOneIsRefused) {
  Encoder e;
  encode(e, arrival(1, 1, "a@b.test", {"c@d.test"}));
  const std::string good = e.view();
  for (std::size_t n = 0; n < good.size(); ++n) {
    Decoder d(std::string_view(good).substr(0, n));
    (void)decode_event(d);
    EXPECT_FALSE(d.finish("event")) << n;
  }
  std::string unknown_kind = good;
  unknown_kind[0] = 9;
  std::string unknown_field = good;
  unknown_field[2] = 0x40;
  for (const std::string& bad : {unknown_kind, unknown_field, good + "x"}) {
    Decoder d(bad);
    (void)decode_event(d);
    EXPECT_FALSE(d.finish("event"));
  }
}

TEST(TraceEvent, MessageIdOfAHeader) {
  struct Case {
    std::string_view front, expected;
  };
  const Case cases[] = {
      {"Received: x\nMessage-ID: <a@b>\nSubject: x\n\nbody\n", "a@b"},
      {"message-id:\n\t<folded@b>\n\n", "folded@b"},
      {"Message-Id : bare@b\n\n", "bare@b"},
      {"Subject: x\n\nMessage-ID: <in@body>\n", ""},
      {"Message-ID:\n\n", ""},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(find_message_id(c.front), c.expected) << c.front;
  const std::string late = "X: " + std::string(kMaxScannedHeader, 'x') + "\nMessage-ID: <a@b>\n\n";
  EXPECT_EQ(find_message_id(late), "");
}

}  // namespace
}  // namespace toast::queue::trace
