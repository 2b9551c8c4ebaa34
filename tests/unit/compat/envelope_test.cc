#include "mta/compat/envelope.h"

#include <gtest/gtest.h>

namespace toast::compat {
namespace {

// The exit code; 0 complete, -1 not yet.
int outcome(std::string_view bytes) {
  EnvelopeReader reader;
  const Taken<void> taken = reader.feed(bytes);
  if (!taken) return taken.error().code;
  return reader.is_complete() ? 0 : -1;
}

TEST(Envelope, Grammar) {
  using namespace std::literals;
  const std::string longest(queue::kMaxLocalAddress, 'a');
  struct Case {
    std::string bytes;
    int code;
  };
  const Case cases[] = {
      {"Fa@b\0Tc@d\0Te@f\0\0"s, 0},
      {"F\0\0"s, 0},               // the null sender, to nobody
      {"Fa@b\0Tc@d\0\0TX"s, 0},    // what follows the end is not looked at
      {"Fa\n\xff@b\0T \0\0"s, 0},  // any bytes
      {"F" + longest + "\0\0"s, 0},
      {""s, -1},
      {"F"s, -1},
      {"Fa@b\0"s, -1},
      {"Fa@b\0Tc@d\0"s, -1},
      {"F" + longest + "a"s, 11},
      {"F\0T"s + longest + "a"s, 11},
      {"\0"s, 91},
      {"Ta\0\0"s, 91},
      {"f\0\0"s, 91},
      {"F\0F\0\0"s, 91},
      {"F\0\nT\0\0"s, 91},
  };
  for (const Case& c : cases) EXPECT_EQ(outcome(c.bytes), c.code) << c.bytes.substr(0, 20);
}

TEST(Envelope, ByteByByte) {
  using namespace std::literals;
  const std::string bytes = "Flist-@h-@[]\0Tperm@r.test\0Tother\0\0"s;
  EnvelopeReader reader;
  for (const char c : bytes) ASSERT_TRUE(reader.feed({&c, 1}));
  ASSERT_TRUE(reader.is_complete());
  const EnvelopeText envelope = reader.take();
  EXPECT_EQ(envelope.sender, "list-@h-@[]");
  ASSERT_EQ(envelope.recipients.size(), 2U);
  EXPECT_EQ(envelope.recipients[0].address, "perm@r.test");
  EXPECT_EQ(write_envelope(envelope), bytes);
}

TEST(Envelope, RecipientsAreBounded) {
  using namespace std::literals;
  std::string bytes = "F\0"s;
  for (std::size_t i = 0; i < queue::kMaxEnvelopeRecipients; ++i) bytes += "Ta\0"s;
  EXPECT_EQ(outcome(bytes + "\0"s), 0);
  EXPECT_EQ(outcome(bytes + "Ta\0\0"s), 31);
}

}  // namespace
}  // namespace toast::compat
