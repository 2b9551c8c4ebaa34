#include "mta/queue/local_envelope.h"

#include <gtest/gtest.h>

namespace toast::queue {
namespace {

TEST(LocalEnvelope, Recipients) {
  struct Case {
    std::string_view text, wanted;
  };
  const Case cases[] = {
      {"ann@example.org", "ann@example.org"},
      {"Ann@EXAMPLE.org", "Ann@example.org"},
      {"ann", "ann@host.test"},  // envnoathost
      {"ann@[192.0.2.1]", "ann@[192.0.2.1]"},
      // no quoting rules: what stands before the last @ is the local part
      {"a b@example.org", "\"a b\"@example.org"},
      {"a@b@example.org", "\"a@b\"@example.org"},
      {"\"a\"@example.org", "\"\\\"a\\\"\"@example.org"},
      {".@example.org", "\".\"@example.org"},
      // refused
      {"", "5.1.3"},
      {"@example.org", "5.1.3"},
      {"ann@", "5.1.3"},
      {"ann@example.org.", "5.1.3"},
      {"ann@exa mple.org", "5.1.3"},
      {"a\nb@example.org", "5.1.3"},
      {"\xc3\xa4@example.org", "5.1.3"},
  };
  for (const Case& c : cases) {
    const Result<Address> got = parse_local_recipient(c.text, "host.test");
    if (got) EXPECT_EQ(got->str(), c.wanted) << c.text;
    if (!got) EXPECT_EQ(got.error().reply.substr(0, 5), c.wanted) << c.text;
    if (!got) EXPECT_EQ(got.error().failure, Failure::permanent);
  }
}

TEST(LocalEnvelope, Senders) {
  struct Case {
    std::string_view text, path;
    bool verp = false;
    bool double_bounce = false;
  };
  const Case cases[] = {
      {"", ""},
      {"ann@example.org", "ann@example.org"},
      {"ann", "ann@host.test"},
      {"#@[]", "", false, true},
      {"list-@h.test-@[]", "list-@h.test", true},
  };
  for (const Case& c : cases) {
    const Result<LocalSender> got = parse_local_sender(c.text, "host.test");
    ASSERT_TRUE(got) << c.text;
    EXPECT_EQ(path_text(got->path), c.path);
    EXPECT_EQ(got->verp, c.verp);
    EXPECT_EQ(got->double_bounce, c.double_bounce);
  }
  for (const std::string_view bad : {"-@[]", "@-@[]", "x@", "a\nb@c.test", "x@[]"})
    EXPECT_FALSE(parse_local_sender(bad, "host.test")) << bad;
}

}  // namespace
}  // namespace toast::queue
