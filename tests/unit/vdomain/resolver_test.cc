// The order of the resolver's steps, one table.
#include "tests/unit/vdomain/fake_view.h"

namespace toast::vdomain {

namespace {

FakeView example() {
  FakeView view;
  view.add_domain("example.org");
  view.other_names["example.net"] = "example.org";
  view.add_mailbox("ann@example.org");
  view.add_mailbox("ann-marie@example.org");
  view.add_mailbox("shut@example.org").services.receive = false;
  view.add_alias("sales@example.org", {"ann@example.org", "bob@other.test"});
  view.add_alias("list-default@example.org", {"robot@other.test"});
  view.add_domain("dash.test").sub_addressing = {.plus = true, .dash = true};
  view.add_mailbox("ann@dash.test");
  view.add_mailbox("a-b@dash.test");
  view.add_domain("none.test").sub_addressing = {.plus = false, .dash = false};
  view.add_mailbox("ann@none.test");
  view.add_domain("all.test").catch_all = {CatchAll::Kind::mailbox, address("ann@all.test")};
  view.add_mailbox("ann@all.test");
  view.add_domain("void.test").catch_all = {CatchAll::Kind::discard, std::nullopt};
  view.add_domain("gone.test").catch_all = {CatchAll::Kind::forward, address("me@other.test")};
  view.add_domain("lost.test").catch_all = {CatchAll::Kind::mailbox, address("x@lost.test")};
  view.add_domain("off.test").incoming_suspended = "not paid";
  view.add_mailbox("ann@off.test");
  return view;
}

}  // namespace

TEST(Resolver, FindsItsWayInOrder) {
  struct Case {
    std::string_view recipient, expected;
  };
  const Case cases[] = {
      // exact names; case is folded, an alias domain is the domain
      {"ann@example.org", "maildir example.org/ann/Maildir"},
      {"ANN@EXAMPLE.ORG", "maildir example.org/ann/Maildir"},
      {"Ann@example.net", "maildir example.org/ann/Maildir"},
      {"ann-marie@example.org", "maildir example.org/ann-marie/Maildir"},
      {"sales@example.org", "maildir example.org/ann/Maildir; forward bob@other.test"},
      {"shut@example.org", "refuse 5.2.1 this mailbox does not take mail"},
      // nobody, and not ours
      {"nobody@example.org", "unknown"},
      {"ann@other.test", "not local"},
      {"ann@sub.example.org", "not local"},
      // "-default" aliases take what begins like them, at dashes only
      {"list-@example.org", "forward robot@other.test"},
      {"list-join@example.org", "forward robot@other.test"},
      {"list-join-now@example.org", "forward robot@other.test"},
      {"list-default@example.org", "forward robot@other.test"},
      {"list@example.org", "unknown"},
      {"listjoin@example.org", "unknown"},
      // sub-addresses: plus by default...
      {"ann+news@example.org", "maildir example.org/ann/Maildir"},
      {"ann+@example.org", "maildir example.org/ann/Maildir"},
      {"ann+a+b@example.org", "maildir example.org/ann/Maildir"},
      {"sales+x@example.org", "maildir example.org/ann/Maildir; forward bob@other.test"},
      {"ann-news@example.org", "unknown"},  // ...and no dash: Jean-Paul is not Jean
      {"+ann@example.org", "unknown"},
      // ...and as the domain says
      {"ann-news@dash.test", "maildir dash.test/ann/Maildir"},
      {"ann+news@dash.test", "maildir dash.test/ann/Maildir"},
      {"a-b-c@dash.test", "maildir dash.test/a-b/Maildir"},  // the longest part first
      {"a-b+c-d@dash.test", "maildir dash.test/a-b/Maildir"},
      {"a-x@dash.test", "unknown"},
      {"ann+news@none.test", "unknown"},
      {"ann-news@none.test", "unknown"},
      // catch-alls
      {"who@all.test", "maildir all.test/ann/Maildir"},
      {"who@void.test", "discard (catch-all of void.test)"},
      {"who@gone.test", "forward me@other.test"},
      {"who@lost.test", "defer 4.2.1 the catch-all mailbox x@lost.test does not exist"},
      // a suspended domain says why, for every name
      {"ann@off.test", "refuse 5.2.1 not paid"},
      {"who@off.test", "refuse 5.2.1 not paid"},
  };
  FakeView view = example();
  for (const Case& c : cases) EXPECT_EQ(resolved(view, c.recipient), c.expected) << c.recipient;
}

TEST(Resolver, PostmasterAndAbuseAreAlwaysSomebody) {
  struct Case {
    std::string_view recipient, expected;
  };
  const Case cases[] = {
      {"postmaster@example.org", "maildir example.org/ann/Maildir"},  // the oldest mailbox
      {"Abuse@example.net", "maildir example.org/ann/Maildir"},
      {"postmaster@off.test", "maildir off.test/ann/Maildir"},  // suspended or not
      {"postmaster@void.test",                                  // never discarded
       "defer 4.2.1 postmaster@void.test has nobody to go to: the domain has no mailbox yet"},
      {"postmaster@gone.test", "forward me@other.test"},  // a catch-all that reaches somebody
      {"postmaster@own.test", "forward admin@other.test"},
      // this host's own name, though no domain is hosted under it
      {"postmaster@mx.test", "maildir example.org/ann/Maildir"},
      {"abuse@MX.test", "maildir example.org/ann/Maildir"},
      {"ann@mx.test", "unknown"},
  };
  FakeView view = example();
  view.add_domain("own.test");
  view.add_alias("postmaster@own.test", {"admin@other.test"});
  for (const Case& c : cases) EXPECT_EQ(resolved(view, c.recipient), c.expected) << c.recipient;
  FakeView empty;
  EXPECT_EQ(resolved(empty, "postmaster@mx.test"),
            "defer 4.2.1 postmaster@mx.test has nobody to go to: there is no mailbox yet");
}

TEST(Resolver, AnOutageIsNeverUnknown) {
  FakeView view = example();
  view.broken = true;
  const auto got = resolve(address("nobody@example.org"), view, {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().failure, Failure::transient);
}

TEST(Resolver, ExplainsItself) {
  FakeView view = example();
  EXPECT_EQ(traced(view, "Sales+x@example.net"),
            "example.net is another name of example.org\n"
            "no alias or mailbox sales+x@example.org\n"
            "sub-address of sales@example.org\n"
            "alias sales@example.org with 2 targets\n"
            "target ann@example.org\n"
            "  mailbox ann@example.org\n"
            "  -> maildir example.org/ann/Maildir\n"
            "target bob@other.test\n"
            "  other.test is no domain of ours\n"
            "-> forward bob@other.test\n");
  EXPECT_EQ(traced(view, "nobody@example.org"),
            "no alias or mailbox nobody@example.org\n"
            "nobody@example.org is unknown\n");
}

}  // namespace toast::vdomain
