// Who finds what.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/trace/trace_fixture.h"

namespace toast::queue::trace {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using ReaderTest = StoreTest;

// "1 accepted", in order
std::vector<std::string> shape(const Answer& answer) {
  std::vector<std::string> lines;
  for (const Event& event : answer.events)
    lines.push_back(std::to_string(event.id.value()) + " " + std::string(name_of(event.kind)));
  return lines;
}

TEST_F(ReaderTest, NothingThereNothingFound) {
  EXPECT_THAT(ask("ann@example.org").events, IsEmpty());
  EXPECT_FALSE(ask("ann@example.org").oldest);
  keep({arrival(1, 1, "a@a.test", {"b@b.test"})});
  EXPECT_THAT(ask("ann@example.org").events, IsEmpty());
  EXPECT_EQ(ask("ann@example.org").oldest, at(1));
  EXPECT_THAT(ask("").events, IsEmpty());
}

TEST_F(ReaderTest, ByEachOfItsNames) {
  keep({arrival(10, 1, "ann@example.org", {"bob@a.test"}, "x@mail.test"),
        arrival(11, 1, "eve@example.org", {"carl@a.test"}, "y@mail.test"),
        attempt(10, 2, Kind::deferred, "bob@a.test", "4.2.2 full"),
        attempt(10, 3, Kind::delivered, "bob@a.test"), finished(10, 3)});
  const std::vector<std::string> whole = {"10 accepted", "10 deferred", "10 delivered",
                                          "10 finished"};
  for (const char* text :
       {"ann@example.org", "ann@EXAMPLE.org", "bob@A.test", "x@mail.test", "<x@mail.test>"})
    EXPECT_EQ(shape(ask(text)), whole) << text;
  EXPECT_EQ(shape(ask(Query{MessageId(10), {}, {}, 100})), whole);
  EXPECT_THAT(ask("x@mail.TEST").events, IsEmpty());  // a Message-ID has no domain, only bytes
  EXPECT_THAT(ask(Query{MessageId(12), {}, {}, 100}).events, IsEmpty());
}

TEST_F(ReaderTest, OneRecipientOfManySeesItsOwnAttempts) {
  keep({arrival(1, 1, "ann@example.org", {"b@b.test", "c@c.test"}),
        attempt(1, 2, Kind::delivered, "b@b.test"), attempt(1, 3, Kind::failed, "c@c.test"),
        finished(1, 4)});
  EXPECT_THAT(shape(ask("c@c.test")), ElementsAre("1 accepted", "1 failed", "1 finished"));
  EXPECT_THAT(shape(ask("ann@example.org")), SizeIs(4));
}

TEST_F(ReaderTest, ARecipientThatIsNotNamedOnArrivalIsFoundByItsAttempt) {
  Event post = arrival(1, 1, "list@example.org", {"b@b.test"});
  post.recipient_count = 10'000;
  keep({post, attempt(1, 2, Kind::delivered, "z@z.test")});
  EXPECT_THAT(shape(ask("z@z.test")), ElementsAre("1 accepted", "1 delivered"));
}

TEST_F(ReaderTest, WithParentAndChildren) {
  keep({arrival(1, 1, "ann@example.org", {"sales@example.org"}, "x@mail.test"),
        attempt(1, 2, Kind::delivered, "sales@example.org", "forwarded"),
        child_of(arrival(2, 2, "ann@example.org", {"bob@a.test"}), 1), finished(1, 2),
        child_of(attempt(2, 3, Kind::failed, "bob@a.test"), 1),
        child_of(arrival(3, 4, "", {"ann@example.org"}), 2), child_of(finished(2, 4), 1),
        child_of(attempt(3, 5, Kind::delivered, "ann@example.org"), 2),
        child_of(finished(3, 5), 2)});
  // Down to the bounce of the forwarded message.
  EXPECT_THAT(shape(ask("x@mail.test")),
              ElementsAre("1 accepted", "1 delivered", "1 finished", "2 created", "2 failed",
                          "2 finished", "3 created", "3 delivered", "3 finished"));
  // From the forwarded message up to what it was made of.
  EXPECT_THAT(shape(ask("bob@a.test")), SizeIs(9));
}

TEST_F(ReaderTest, SiblingsOfAMatchAreNotAskedFor) {
  keep({arrival(1, 1, "list@example.org", {"l@example.org"}),
        child_of(arrival(2, 2, "list@example.org", {"b@b.test"}), 1),
        child_of(arrival(3, 2, "list@example.org", {"c@c.test"}), 1)});
  EXPECT_THAT(shape(ask("b@b.test")), ElementsAre("1 accepted", "2 created"));
}

TEST_F(ReaderTest, AParentThatTheStoreHasForgottenIsNoHindrance) {
  keep({child_of(attempt(2, 2, Kind::delivered, "b@b.test"), 1)});
  EXPECT_THAT(shape(ask("b@b.test")), ElementsAre("2 delivered"));
}

TEST_F(ReaderTest, TheNewestWhenThereAreTooMany) {
  std::vector<Event> events;
  for (int i = 1; i <= 50; ++i)
    events.push_back(arrival(static_cast<std::uint64_t>(i), i, "ann@example.org", {"b@b.test"}));
  keep(events);
  const Answer answer = ask(Query{{}, "b@b.test", {}, 3});
  EXPECT_THAT(shape(answer), ElementsAre("48 accepted", "49 accepted", "50 accepted"));
  EXPECT_TRUE(answer.cut);
  EXPECT_FALSE(ask("b@b.test").cut);
}

TEST_F(ReaderTest, AnAnswerFitsItsFrame) {
  std::vector<Event> events;
  const std::string long_text(kMaxEventText, 'x');
  for (int i = 1; i <= 2000; ++i)
    events.push_back(
        attempt(static_cast<std::uint64_t>(i), i, Kind::deferred, "b@b.test", long_text));
  keep(events);
  Answer answer = ask(Query{{}, "b@b.test", {}, kMaxMessages});
  EXPECT_TRUE(answer.cut);
  EXPECT_EQ(answer.events.back().id, MessageId(2000));
  EXPECT_LT(answer.events.size(), 800U);
  EXPECT_GT(answer.events.size(), 600U);
  // One message that is too long all by itself keeps its beginning.
  std::vector<Event> one;
  for (int i = 1; i <= 2000; ++i)
    one.push_back(attempt(3000, i, Kind::deferred, "c@c.test", long_text));
  keep(one);
  answer = ask("c@c.test");
  EXPECT_TRUE(answer.cut);
  EXPECT_EQ(answer.events.front().time, at(1));
  EXPECT_GT(answer.events.size(), 600U);
}

TEST_F(ReaderTest, SinceIsAboutWhatMatches) {
  keep({arrival(1, 1, "ann@example.org", {"b@b.test"}),
        arrival(2, 5, "ann@example.org", {"b@b.test"}),
        attempt(2, 60, Kind::delivered, "b@b.test")});
  EXPECT_THAT(shape(ask(Query{{}, "b@b.test", at(50), 100})),
              ElementsAre("2 accepted", "2 delivered"));
  EXPECT_THAT(ask(Query{{}, "b@b.test", at(100), 100}).events, IsEmpty());
}

TEST_F(ReaderTest, OverFilesAndDamage) {
  keep({arrival(1, 1, "ann@example.org", {"b@b.test"}), finished(1, 2)});
  flip_byte(
      1, file_header().size() + frame(arrival(1, 1, "ann@example.org", {"b@b.test"})).size() + 9);
  keep({attempt(1, 3, Kind::delivered, "b@b.test")});
  std::ofstream(directory_ + "/README") << "not ours";
  EXPECT_THAT(shape(ask("b@b.test")), ElementsAre("1 accepted", "1 delivered"));
}

}  // namespace
}  // namespace toast::queue::trace
