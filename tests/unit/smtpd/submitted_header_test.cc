// What submission makes of a header.
#include "mta/smtpd/submitted_header.h"

#include <gtest/gtest.h>

namespace toast::smtpd {
namespace {

const HeaderAdditions kAdditions{WallTime{std::chrono::seconds{1'795'356'000}}, "06cng", "mx.test"};
const std::string kDate = "Date: Sun, 22 Nov 2026 14:00:00 +0000\n";
const std::string kId = "Message-ID: <06cng@mx.test>\n";

TEST(SubmittedHeader, Completed) {
  struct Case {
    std::string header, completed;
  };
  const Case cases[] = {
      // what is missing is added on top
      {"From: a@b.test\n\n", kDate + kId + "From: a@b.test\n\n"},
      {"From: a@b.test\nDate: x\n\n", kId + "From: a@b.test\nDate: x\n\n"},
      {"From: a@b.test\nmessage-id : y\n\n", kDate + "From: a@b.test\nmessage-id : y\n\n"},
      // what is there stays as it is, even what nobody understands
      {"DATE: x\nMessage-Id: y\nfrom: a@b.test\nX:\n folded\n\n",
       "DATE: x\nMessage-Id: y\nfrom: a@b.test\nX:\n folded\n\n"},
      // blind copies, with their folded lines
      {"Date: x\nMessage-ID: y\nBCC: a@b.test,\n\tc@d.test\nFrom: a@b.test\nResent-Bcc: "
       "e@f.test\n\n",
       "Date: x\nMessage-ID: y\nFrom: a@b.test\n\n"},
      // no empty line: the header is all, or ends at what is no field
      {"From: a@b.test\n", kDate + kId + "From: a@b.test\n"},
      {"From: a@b.test\nno field\nBcc: body\n",
       kDate + kId + "From: a@b.test\nno field\nBcc: body\n"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.header);
    const auto got = complete_header(c.header, kAdditions);
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(got->text, c.completed);
    EXPECT_EQ(got->from, std::vector<Address>{Address::parse("a@b.test").value()});
  }
}

TEST(SubmittedHeader, Authors) {
  const auto got = complete_header(
      "From: \"A, B\" <a@b.test> (c@x.test), d@E.TEST,\n  Group: f@g.test, \"h i\"@j.test;\n\n",
      kAdditions);
  ASSERT_TRUE(got) << got.error().text;
  std::vector<std::string> names;
  for (const Address& author : got->from) names.push_back(author.str());
  EXPECT_EQ(names,
            (std::vector<std::string>{"a@b.test", "d@e.test", "f@g.test", "\"h i\"@j.test"}));
}

TEST(SubmittedHeader, WithoutOneAuthor) {
  std::string many = "From: a@b.test";
  for (std::size_t i = 0; i < kMaxAuthors; ++i) many += ", a@b.test";
  const std::string cases[] = {"",
                               "\n",
                               "Subject: x\n\n",
                               "no field\nFrom: a@b.test\n",
                               "From: a@b.test\nFROM: a@b.test\n\n",
                               "From:\n\n",
                               "From: <>\n\n",
                               "From: a\n\n",
                               "From: a@\n\n",
                               "From: a@[1.2.3\n\n",
                               "From: \"a@b.test\n\n",
                               "From: a@b_c..test\n\n",
                               "From: \xc3\xa4@b.test\n\n",
                               many + "\n\n"};
  for (const std::string& header : cases) {
    SCOPED_TRACE(header);
    const auto got = complete_header(header, kAdditions);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, 550);
    EXPECT_EQ(got.error().text.substr(0, 5), "5.6.0");
  }
}

TEST(SubmittedHeader, WhereTheBodyBegins) {
  constexpr std::size_t kLater = std::string_view::npos;
  EXPECT_EQ(find_body("\nbody", 0, false), 1U);
  EXPECT_EQ(find_body("A: b\n\nbody", 0, false), 6U);
  EXPECT_EQ(find_body("A: b\n", 0, false), kLater);
  EXPECT_EQ(find_body("A: b\n\n", 5, false), 6U);  // the line end was there, the empty line is new
  EXPECT_EQ(find_body("A: b\n", 0, true), 5U);
  EXPECT_EQ(find_body("A: b\nbody\n", 0, false), kLater);
  EXPECT_EQ(find_body("A: b\nbody\n", 0, true), 5U);
  EXPECT_EQ(find_body("", 0, true), 0U);
  const std::string fields = "A: " + std::string(kMaxSubmittedHeader, 'x') + "\n";
  EXPECT_EQ(find_body(fields, 0, false), kLater);  // longer than any header: the caller refuses
  EXPECT_EQ(find_body("A: b\nbody " + fields, 0, false), 5U);
}

}  // namespace
}  // namespace toast::smtpd
