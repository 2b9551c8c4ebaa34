#include "mta/smtp/command.h"

#include <gtest/gtest.h>

namespace toast::smtp {
namespace {

TEST(Command, Verbs) {
  struct Case {
    std::string_view line;
    std::size_t index;  // in Command
  };
  const Case cases[] = {
      {"HELO client.example", 0},
      {"helo CLIENT_7", 0},
      {"EHLO [192.0.2.1]", 1},
      {"EHLO [IPv6:2001:db8::1]", 1},
      {"EHLO client.example  ", 1},  // trailing spaces are accepted
      {"MAIL FROM:<a@b.example>", 2},
      {"RCPT TO:<a@b.example>", 3},
      {"DATA", 4},
      {"data ", 4},
      {"RSET", 5},
      {"NOOP", 6},
      {"NOOP anything at all", 6},
      {"QUIT", 7},
      {"VRFY ann", 8},
      {"EXPN list", 9},
      {"HELP", 10},
      {"HELP MAIL", 10},
      {"AUTH PLAIN AAAA", 11},
      {"STARTTLS", 12},
      {"BDAT 5 LAST", 13},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    const auto got = parse_command(c.line);
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(got->index(), c.index);
  }
}

TEST(Command, Auth) {
  struct Case {
    std::string_view line;
    std::string_view mechanism;
    std::optional<std::string_view> initial;
  };
  const Case cases[] = {
      {"AUTH PLAIN", "PLAIN", std::nullopt},
      {"auth plain  ", "plain", std::nullopt},
      {"AUTH PLAIN =", "PLAIN", ""},  // there, and empty (RFC 4954 section 4)
      {"AUTH LOGIN YW5u", "LOGIN", "ann"},
      {"AUTH LOGIN  YW5u", "LOGIN", "ann"},
      {"AUTH SCRAM-SHA-256-PLUS YQ==", "SCRAM-SHA-256-PLUS", "a"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    const auto got = parse_command(c.line);
    ASSERT_TRUE(got) << got.error().text;
    const Auth& auth = std::get<Auth>(*got);
    EXPECT_EQ(auth.mechanism, c.mechanism);
    ASSERT_EQ(auth.initial.has_value(), c.initial.has_value());
    if (c.initial) EXPECT_EQ(auth.initial->view(), *c.initial);
  }
}

TEST(Command, Refused) {
  struct Case {
    std::string_view line;
    int code;
    std::string_view status;
  };
  const Case cases[] = {
      // unknown
      {"", 500, "5.5.1"},
      {"XYZZY", 500, "5.5.1"},
      {" NOOP", 500, "5.5.1"},
      {"NOOP\tx", 500, "5.5.1"},
      {"MAIL\tFROM:<a@b.example>", 500, "5.5.1"},
      {"MAILFROM:<a@b.example>", 500, "5.5.1"},
      {"GET / HTTP/1.1", 500, "5.5.1"},
      {"\xff\xfb\x01", 500, "5.5.1"},
      // arguments
      {"HELO", 501, "5.5.4"},
      {"EHLO", 501, "5.5.4"},
      {"EHLO two words", 501, "5.5.4"},
      {"EHLO <script>", 501, "5.5.4"},
      {"EHLO m\xc3\xbcnchen.example", 501, "5.5.4"},
      {"DATA now", 501, "5.5.4"},
      {"RSET x", 501, "5.5.4"},
      {"QUIT x", 501, "5.5.4"},
      {"VRFY", 501, "5.5.4"},
      {"MAIL", 501, "5.5.4"},
      {"MAIL <a@b.example>", 501, "5.5.4"},
      {"MAIL TO:<a@b.example>", 501, "5.5.4"},
      {"MAIL FROM <a@b.example>", 501, "5.5.4"},
      {"RCPT FROM:<a@b.example>", 501, "5.5.4"},
      // paths
      {"MAIL FROM:", 501, "5.1.7"},
      {"MAIL FROM:a@b.example", 501, "5.1.7"},
      {"MAIL FROM:  <a@b.example>", 501, "5.1.7"},
      {"MAIL FROM:<a@b.example", 501, "5.1.7"},
      {"MAIL FROM:<a b@c.example>", 501, "5.1.7"},
      {"MAIL FROM:<a@b_c.example>", 501, "5.1.7"},
      {"MAIL FROM:<postmaster>", 501, "5.1.7"},
      {"MAIL FROM:<j\xc3\xb6rg@b.example>", 553, "5.6.7"},
      {"RCPT TO:<>", 501, "5.1.3"},
      {"RCPT TO:<ann>", 501, "5.1.3"},
      {"RCPT TO:<a@b.example.>", 501, "5.1.2"},
      {"RCPT TO:<a@\xc3\xa4.example>", 553, "5.6.7"},
      // parameters
      {"MAIL FROM:<a@b.example>SIZE=1", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=-1", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=1k", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SIZE=123456789012345678901", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> BODY=", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> BODY=BINARYMIME", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> BODY=7BIT body=7bit", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> =x", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> A=b=c", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example>\tSIZE=1", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> SMTPUTF8", 555, "5.5.4"},
      {"MAIL FROM:<a@b.example> AUTH=a+2", 501, "5.5.4"},
      {"MAIL FROM:<a@b.example> AUTH", 501, "5.5.4"},
      {"AUTH", 501, "5.5.4"},
      {"AUTH PLAIN A", 501, "5.5.2"},
      {"AUTH PLAIN AAAA AAAA", 501, "5.5.2"},
      {"AUTH PLAIN YR==", 501, "5.5.2"},  // bits that mean nothing
      {"AUTH TOO-LONG-TO-BE-A-NAME-OF-ONE", 504, "5.5.4"},
      {"RCPT TO:<a@b.example> SIZE=1", 555, "5.5.4"},
      {"RCPT TO:<a@b.example> X", 555, "5.5.4"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.line);
    const auto got = parse_command(c.line);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, c.code);
    EXPECT_EQ(got.error().text.substr(0, 5), c.status);
  }
}

TEST(Command, MailParameters) {
  const auto got = parse_command("mail from:<a@b.example> size=1234 body=8bitmime");
  ASSERT_TRUE(got);
  const Mail& mail = std::get<Mail>(*got);
  EXPECT_EQ(path_text(mail.reverse_path), "a@b.example");
  EXPECT_EQ(mail.parameters.size, 1234U);
  EXPECT_EQ(mail.parameters.body, BodyType::eight_bit_mime);
  EXPECT_TRUE(mail.has_parameters);
  const auto null = parse_command("MAIL FROM:<>");
  ASSERT_TRUE(null);
  EXPECT_FALSE(std::get<Mail>(*null).reverse_path);
  EXPECT_FALSE(std::get<Mail>(*null).has_parameters);
  // 20 digits that do not fit into 64 bits: larger than any limit, not a small number
  const auto huge = parse_command("MAIL FROM:<> SIZE=99999999999999999999");
  ASSERT_TRUE(huge);
  EXPECT_EQ(std::get<Mail>(*huge).parameters.size, ~std::uint64_t{0});
  EXPECT_TRUE(parse_command("MAIL FROM: <a@b.example>"));  // one space, from old clients
}

TEST(Command, Rcpt) {
  const auto routed = parse_command("RCPT TO:<@x.example,@y.example:ann@B.example>");
  ASSERT_TRUE(routed);
  EXPECT_EQ(std::get<Address>(std::get<Rcpt>(*routed).forward_path).str(), "ann@b.example");
  const auto postmaster = parse_command("RCPT TO:<PostMaster>");
  ASSERT_TRUE(postmaster);
  EXPECT_TRUE(std::holds_alternative<Postmaster>(std::get<Rcpt>(*postmaster).forward_path));
}

TEST(Command, RcptParameters) {
  const auto got = parse_command("RCPT TO:<a@b.example> ORCPT=rfc822;x+2By@c notify=delay,Failure");
  ASSERT_TRUE(got);
  const Rcpt& rcpt = std::get<Rcpt>(*got);
  EXPECT_EQ(rcpt.parameters.notify, kNotifyDelay | kNotifyFailure);
  EXPECT_EQ(rcpt.parameters.orcpt, "rfc822;x+2By@c");
  EXPECT_TRUE(rcpt.has_parameters);
}

}  // namespace
}  // namespace toast::smtp
