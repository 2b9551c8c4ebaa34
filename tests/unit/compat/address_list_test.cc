// Header addresses: read as people write them, written as they should be.
#include <gtest/gtest.h>

#include "mta/compat/complete_address.h"

namespace toast::compat {
namespace {

const HostDefaults kDefaults{"host.test", "domain.test", "plus.test", "id.test"};

std::string rewritten(std::string_view body) {
  auto items = parse_address_list(body);
  if (!items) return "refused";
  for (ListItem& item : *items)
    if (item.kind == ListItem::Kind::address) complete_address(item.address, kDefaults);
  std::string field = format_address_field("To", *items);
  field.pop_back();
  return field.substr(3);
}

std::string envelope(std::string_view body) {
  const auto items = parse_address_list(body);
  if (!items) return "refused";
  std::string out;
  for (const ListItem& item : *items)
    if (item.kind == ListItem::Kind::address) out += "[" + item.address.envelope_text() + "]";
  return out;
}

TEST(AddressList, Rewriting) {
  struct Case {
    std::string_view body, wanted;
  };
  const Case cases[] = {
      {"", ""},
      {"ann@example.org", " ann@example.org"},
      // what is missing
      {"ann", " ann@host.test"},
      {"ann@", " ann@host.test"},
      {"ann@x", " ann@x.domain.test"},
      {"ann@x+", " ann@x.plus.test"},
      {"ann@x.", " ann@x.domain.test"},
      {"ann@example.org.", " ann@example.org"},
      {"ann@[192.0.2.1]", " ann@[192.0.2.1]"},
      {"owner-@x-@[]", " \"owner-@x-\"@[]"},
      {"<>", " <>"},
      // routes, which nobody uses
      {"<@a,@b:c@d.test>", " c@d.test"},
      {"Ann <@a:c@d.test>", " Ann <c@d.test>"},
      // names and comments
      {"Ann Lee <ann@x.test>", " Ann Lee <ann@x.test>"},
      {"\"Lee, Ann\" <ann@x.test>", " \"Lee, Ann\" <ann@x.test>"},
      {"J. R. User <j@x.test>", " J. R. User <j@x.test>"},
      {"ann@x.test (Ann Lee)", " ann@x.test (Ann Lee)"},
      {"(one) ann@x.test (two (nested))", " ann@x.test (one) (two (nested))"},
      {"ann@y.test <ann@x.test>", " \"ann@y.test\" <ann@x.test>"},
      {"=?utf-8?q?J=C3=B6rg?= <j@x.test>", " =?utf-8?q?J=C3=B6rg?= <j@x.test>"},
      {"J\xc3\xb6rg <j@x.test>", " J\xc3\xb6rg <j@x.test>"},
      // quotes that must be there, and others
      {"\"a b\"@x.test", " \"a b\"@x.test"},
      {"\"ann\"@x.test", " ann@x.test"},
      {"a.\"b c\".d@x.test", " \"a.b c.d\"@x.test"},
      {"\"a\\\"b\"@x.test", " \"a\\\"b\"@x.test"},
      // lists, with and without their commas
      {"a@x.test,b@x.test", " a@x.test, b@x.test"},
      {"a@x.test b@x.test", " a@x.test, b@x.test"},
      {"a@x.test <b@x.test> c@x.test", " \"a@x.test\" <b@x.test>, c@x.test"},
      {",,a@x.test,,", " a@x.test"},
      {"a @ x . test", " a@x.test"},
      {"a@x.test,\n  b@x.test", " a@x.test, b@x.test"},
      // groups
      {"friends: a@x.test, b;", " friends: a@x.test, b@host.test;"},
      {"recipient list not shown: ;", " recipient list not shown:;"},
      {"g: a@x.test;, b@x.test", " g: a@x.test;, b@x.test"},
      {"g: a@x.test", " g: a@x.test;"},
      // no way to understand it
      {"\"open", "refused"},
      {"(open", "refused"},
      {"a@[192.0.2.1", "refused"},
      {"<a@x.test", "refused"},
      {"a@x.test>", "refused"},
      {"a)", "refused"},
      {"ann\\\n@x.test", "refused"},
      {"\"a\\\nb\"@x.test", "refused"},
      {"ann\\", "refused"},
      {"a@b\\:c", "refused"},
      {"a@\"b c\"", "refused"},
      {"a@[192.0.2.1].x", "refused"},
      {"<@x.test>", "refused"},
      {"@x.test", "refused"},
      {"g: h: a@x.test;;", "refused"},
      {": a@x.test;", "refused"},
      {std::string_view("a\0b@x.test", 10), "refused"},
  };
  for (const Case& c : cases) EXPECT_EQ(rewritten(c.body), c.wanted) << c.body;
}

TEST(AddressList, TheEnvelopeHasNoQuotes) {
  EXPECT_EQ(envelope("\"a b\"@x.test, <c@[192.0.2.1]>, g: \"d\\\\e\"@y;"),
            "[a b@x.test][c@[192.0.2.1]][d\\e@y]");
}

TEST(AddressList, LinesAreFolded) {
  std::string body;
  for (int i = 0; i < 6; ++i) body += "somebody.with.a.long.name@example.org,";
  const std::string field = format_address_field("Cc", *parse_address_list(body));
  EXPECT_TRUE(field.starts_with("Cc: somebody.with.a.long.name@example.org,\n  somebody"));
  for (std::size_t at = 0, end = 0; at < field.size(); at = end + 1) {
    end = field.find('\n', at);
    EXPECT_LE(end - at, 78U);
  }
}

}  // namespace
}  // namespace toast::compat
