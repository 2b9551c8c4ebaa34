// Aliases that lead to aliases: each address once, loops end, nothing is lost on the way.
#include <fmt/format.h>

#include "tests/unit/vdomain/fake_view.h"

namespace toast::vdomain {

TEST(ResolverAlias, AliasesAndMailboxesOfOneName) {
  FakeView view;
  view.add_domain("a.test");
  view.add_mailbox("ann@a.test");
  view.add_alias("ann@a.test", {"x@other.test"});
  EXPECT_EQ(resolved(view, "ann@a.test"), "forward x@other.test");  // redirected
  view.add_alias("ann@a.test", {"x@other.test"}).keep_copy = true;
  EXPECT_EQ(resolved(view, "ann@a.test"), "maildir a.test/ann/Maildir; forward x@other.test");
  view.add_alias("ann@a.test", {"x@other.test", "ann@a.test"});  // naming itself: its mailbox
  EXPECT_EQ(resolved(view, "ann@a.test"), "forward x@other.test; maildir a.test/ann/Maildir");
}

TEST(ResolverAlias, EachAddresseeOnceWhateverTheWay) {
  FakeView view;
  view.add_domain("a.test");
  view.add_mailbox("ann@a.test");
  view.add_alias("all@a.test", {"left@a.test", "right@a.test", "ann@a.test", "x@other.test"});
  view.add_alias("left@a.test", {"ann@a.test", "x@other.test"});
  view.add_alias("right@a.test", {"x@other.test", "ann+r@a.test"});
  EXPECT_EQ(resolved(view, "all@a.test"), "maildir a.test/ann/Maildir; forward x@other.test");
}

TEST(ResolverAlias, LoopsEnd) {
  FakeView view;
  view.add_domain("a.test");
  view.add_domain("b.test");
  view.other_names["c.test"] = "a.test";
  view.add_alias("self@a.test", {"Self@c.test"});
  view.add_alias("one@a.test", {"two@b.test"});
  view.add_alias("two@b.test", {"one@a.test"});
  view.add_alias("three@a.test", {"one@a.test", "x@other.test"});
  view.add_alias("sub@a.test", {"sub+1@a.test", "x@other.test"});
  view.domains.at("b.test").catch_all = {CatchAll::Kind::forward, address("any@b.test")};
  constexpr std::string_view kLoop = "defer 4.4.6 {} leads back to itself and nowhere else";
  for (const auto* loop : {"self@a.test", "one@a.test", "two@b.test", "who@b.test"})
    EXPECT_EQ(resolved(view, loop), fmt::format(fmt::runtime(kLoop), loop));
  EXPECT_EQ(resolved(view, "three@a.test"), "forward x@other.test");
  EXPECT_EQ(resolved(view, "sub@a.test"), "forward x@other.test");
}

TEST(ResolverAlias, TargetsThatAreUnknownNowAreLeftToTheQueue) {
  FakeView view;
  view.add_domain("a.test");
  view.add_alias("all@a.test", {"gone@a.test", "x@other.test"});
  EXPECT_EQ(resolved(view, "all@a.test"), "forward gone@a.test; forward x@other.test");
}

TEST(ResolverAlias, AChainOfAliasesIsFollowedToItsLimit) {
  FakeView view;
  view.add_domain("a.test");
  const auto name = [](std::size_t i) { return "n" + std::to_string(i) + "@a.test"; };
  for (std::size_t i = 0; i < 2 * kMaxAliasDepth; ++i) view.add_alias(name(i), {name(i + 1)});
  EXPECT_EQ(resolved(view, name(0)), "forward " + name(kMaxAliasDepth + 1));
  view.add_mailbox(name(2 * kMaxAliasDepth));
  EXPECT_EQ(resolved(view, name(kMaxAliasDepth + 1)),
            "maildir a.test/n" + std::to_string(2 * kMaxAliasDepth) + "/Maildir");
}

TEST(ResolverAlias, TooManyAddresseesAreNeverServedInPart) {
  FakeView view;
  view.add_domain("a.test");
  Alias& all = view.add_alias("all@a.test", {});
  for (int part = 0; part < 3; ++part) {
    const std::string part_name = "part" + std::to_string(part) + "@a.test";
    all.targets.push_back(address(part_name));
    Alias& list = view.add_alias(part_name, {});
    for (std::size_t i = 0; i < kMaxInstructions / 2; ++i)
      list.targets.push_back(address(fmt::format("u{}.{}@other.test", part, i)));
  }
  const std::string got = resolved(view, "all@a.test");
  EXPECT_EQ(
      got,
      "defer 4.3.5 expands to more than 1000 deliveries, or 2000 addresses on the way to them");
  EXPECT_EQ(resolve(address("part0@a.test"), view, {})->instructions.size(), kMaxInstructions / 2);
}

TEST(ResolverAlias, SubAddressesAndWildcardsComeRoundToo) {
  FakeView view;
  view.add_domain("a.test");
  view.add_alias("x@a.test", {"x+1@a.test", "x+2@a.test"});
  view.add_alias("y-default@a.test", {"y-1@a.test", "y-2@a.test", "z@other.test"});
  view.add_mailbox("ann@a.test");
  view.add_alias("ann@a.test", {"ann+1@a.test", "z@other.test"});
  view.add_alias("all@a.test", {"gone@a.test", "gone+1@a.test", "gone+2@a.test"});
  EXPECT_EQ(resolved(view, "x@a.test"),
            "defer 4.4.6 x@a.test leads back to itself and nowhere else");
  EXPECT_EQ(resolved(view, "y-0@a.test"), "forward z@other.test");
  EXPECT_EQ(resolved(view, "ann@a.test"), "maildir a.test/ann/Maildir; forward z@other.test");
  EXPECT_EQ(resolved(view, "all@a.test"),
            "forward gone@a.test; forward gone+1@a.test; forward gone+2@a.test");
}

TEST(ResolverAlias, WorkIsBoundedWhateverTheAliasesAre) {
  FakeView view;  // three lists of the same names, all of which lead back: much work, no addressee
  view.add_domain("a.test");
  view.add_alias("all@a.test", {"part0@a.test", "part1@a.test", "part2@a.test"});
  for (int part = 0; part < 3; ++part) {
    Alias& list = view.add_alias(fmt::format("part{}@a.test", part), {});
    for (std::size_t i = 0; i < 900; ++i) {
      const std::string name = fmt::format("u{}@a.test", i);
      list.targets.push_back(address(name));
      view.add_alias(name, {"all@a.test"});
    }
  }
  EXPECT_EQ(resolved(view, "all@a.test").substr(0, 12), "defer 4.3.5 ");
}

}  // namespace toast::vdomain
