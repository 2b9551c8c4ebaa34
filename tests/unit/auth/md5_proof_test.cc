// CRAM-MD5's and APOP's arithmetic, against the vectors of the RFCs.
#include "auth/md5_proof.h"

#include <gtest/gtest.h>

#include "auth/stamp.h"

namespace toast::auth {
namespace {

using By = Md5Proof::By;

struct Vector {
  By by;
  std::string challenge, password, digest;
};
const Vector kMd5Vectors[] = {
    // RFC 2195 section 2
    {By::cram_md5, "<1896.697170952@postoffice.reston.mci.net>", "tanstaaftanstaaf",
     "b913a602c7eda7a495b4e6e7334d3890"},
    // RFC 1939 section 7
    {By::apop, "<1896.697170952@dbc.mtview.ca.us>", "tanstaaf", "c4c9334bac560ecc979e58001b3e22fb"},
    // RFC 2202 section 2, test cases 2 and 6: a key shorter and one longer than MD5's block
    {By::cram_md5, "what do ya want for nothing?", "Jefe", "750c783e6ab0b503eaa86e310a5db738"},
    {By::cram_md5, "Test Using Larger Than Block-Size Key - Hash Key First",
     std::string(80, '\xaa'), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
};

TEST(Md5Proof, VectorsOfTheRfcs) {
  const Md5 md5;
  for (const Vector& v : kMd5Vectors) {
    SCOPED_TRACE(v.challenge);
    EXPECT_EQ(md5.digest_of(v.by, v.challenge, Secret(v.password)).value(), v.digest);
    EXPECT_TRUE(md5.proves({v.by, v.challenge, v.digest}, Secret(v.password)).value());
    EXPECT_FALSE(md5.proves({v.by, v.challenge, v.digest}, Secret(v.password + "x")).value());
    EXPECT_FALSE(md5.proves({v.by, v.challenge + "x", v.digest}, Secret(v.password)).value());
    EXPECT_FALSE(md5.proves({v.by, v.challenge, ""}, Secret(v.password)).value());
    const By other = v.by == By::apop ? By::cram_md5 : By::apop;
    EXPECT_FALSE(md5.proves({other, v.challenge, v.digest}, Secret(v.password)).value());
  }
}

TEST(Md5Proof, DigitsAreHexadecimalAndSoMany) {
  EXPECT_EQ(md5_digits("C4c9334bac560ecc979e58001b3e22fB"), "c4c9334bac560ecc979e58001b3e22fb");
  for (const char* bad :
       {"", "c4c9334bac560ecc979e58001b3e22f", "c4c9334bac560ecc979e58001b3e22fb0",
        "c4c9334bac560ecc979e58001b3e22fg", " c4c9334bac560ecc979e58001b3e22f"})
    EXPECT_EQ(md5_digits(bad), std::nullopt) << bad;
}

TEST(Stamp, IsAMessageIdThatComesOnce) {
  SystemRandom random;
  const std::string one = make_stamp(random, "mx.example.org");
  EXPECT_TRUE(one.starts_with("<") && one.ends_with("@mx.example.org>")) << one;
  EXPECT_EQ(one.find_first_not_of("0123456789abcdef", 1), 33U) << one;
  EXPECT_NE(make_stamp(random, "mx.example.org"), one);
  EXPECT_EQ(make_stamp(random, std::string(253, 'x')).size(), kMaxStamp);
}

}  // namespace
}  // namespace toast::auth
