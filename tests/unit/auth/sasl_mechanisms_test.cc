// What each mechanism makes of what a client says: one line for each case.
#include <gtest/gtest.h>

#include "auth/sasl/mechanisms.h"
#include "auth/service.h"

namespace toast::auth::sasl {
namespace {

using namespace std::string_literals;

// "challenge TEXT", "check AUTHORIZATION|NAME|PASSWORD", "digest NAME|CHALLENGE|DIGEST" or
// "malformed"
std::string show(const Step& step) {
  if (const auto* challenge = std::get_if<Challenge>(&step)) return "challenge " + challenge->text;
  if (const auto* question = std::get_if<CheckPassword>(&step))
    return "check " + question->authorization + "|" + question->login + "|" +
           std::string(question->password.view());
  if (const auto* question = std::get_if<CheckDigest>(&step))
    return "digest " + question->login + "|" + question->proof.challenge + "|" +
           question->proof.digest;
  return "malformed";
}

const std::string kLongName(kMaxLoginName, 'n');
const std::string kLongPassword(kMaxPassword, 'p');

TEST(Sasl, NamesOfMechanismsKnowNoCase) {
  for (const char* name : {"PLAIN", "plain", "Plain", "LOGIN", "login"})
    EXPECT_NE(make_mechanism(name), nullptr) << name;
  for (const char* name : {"", "PLAI", "PLAINX", "CRAM-MD5", "DIGEST-MD5", "APOP", "EXTERNAL"})
    EXPECT_EQ(make_mechanism(name), nullptr) << name;
}

TEST(SaslPlain, TakesThreePartsAndNothingElse) {
  const struct {
    std::string message;
    std::string expected;
  } kCases[] = {
      {"\0ann\0secret"s, "check |ann|secret"},
      {"bob\0ann\0secret"s, "check bob|ann|secret"},
      {"\0ann\0 with spaces "s, "check |ann| with spaces "},
      {"\0m\xc3\xbcller\0\xc3\xbc"s, "check |m\xc3\xbcller|\xc3\xbc"},
      {"\0ann\0\xfc"s, "check |ann|\xfc"},                      // Latin-1
      {"\0" + kLongName + "\0"s + kLongPassword, "malformed"},  // "\0" alone is an empty string
      {"\0"s + kLongName + "\0"s + kLongPassword, "check |" + kLongName + "|" + kLongPassword},
      // Not three parts.
      {"", "malformed"},
      {"ann", "malformed"},
      {"ann\0secret"s, "malformed"},
      {"\0ann\0secret\0"s, "malformed"},
      {"\0ann\0sec\0ret"s, "malformed"},
      // Empty name, empty password.
      {"\0\0secret"s, "malformed"},
      {"\0ann\0"s, "malformed"},
      {"\0\0"s, "malformed"},
      {"bob\0\0secret"s, "malformed"},
      // Over a limit.
      {"\0"s + kLongName + "n\0secret"s, "malformed"},
      {kLongName + "n\0ann\0secret"s, "malformed"},
      {"\0ann\0"s + kLongPassword + "p", "malformed"},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(show(make_mechanism(kPlain)->hear(c.message)), c.expected) << c.message;
}

TEST(SaslPlain, AsksWithAnEmptyChallenge) {
  const auto mechanism = make_mechanism(kPlain);
  EXPECT_EQ(show(mechanism->begin()), "challenge ");
  EXPECT_EQ(show(mechanism->hear("\0ann\0secret"s)), "check |ann|secret");
}

TEST(SaslLogin, AsksForTheNameThenForThePassword) {
  const auto mechanism = make_mechanism(kLogin);
  EXPECT_EQ(show(mechanism->begin()), "challenge Username:");
  EXPECT_EQ(show(mechanism->hear("ann")), "challenge Password:");
  EXPECT_EQ(show(mechanism->hear(" se cret ")), "check |ann| se cret ");
}

TEST(SaslLogin, AnInitialResponseIsTheName) {
  const auto mechanism = make_mechanism(kLogin);
  EXPECT_EQ(show(mechanism->hear("ann")), "challenge Password:");
  EXPECT_EQ(show(mechanism->hear("secret")), "check |ann|secret");
}

TEST(SaslLogin, RefusesWhatIsNoNameOrNoPassword) {
  for (const std::string& name : {""s, "a\0b"s, kLongName + "n"})
    EXPECT_EQ(show(make_mechanism(kLogin)->hear(name)), "malformed") << name;
  for (const std::string& password : {""s, "a\0b"s, kLongPassword + "p"}) {
    const auto mechanism = make_mechanism(kLogin);
    mechanism->hear(kLongName);
    EXPECT_EQ(show(mechanism->hear(password)), "malformed") << password;
  }
}

// RFC 2195 section 2.
const std::string kCramChallenge = "<1896.697170952@postoffice.reston.mci.net>";
const std::string kCramDigest = "b913a602c7eda7a495b4e6e7334d3890";

std::unique_ptr<Mechanism> cram() {
  MechanismContext context;
  context.offer.cram = true;
  context.challenge = kCramChallenge;
  return make_mechanism("cram-md5", std::move(context));
}

TEST(SaslCramMd5, TakesANameAndADigest) {
  const struct {
    std::string message;
    std::string expected;
  } kCases[] = {
      {"tim " + kCramDigest, "digest tim|" + kCramChallenge + "|" + kCramDigest},
      {"tim B913A602C7EDA7A495B4E6E7334D3890", "digest tim|" + kCramChallenge + "|" + kCramDigest},
      {"tim smith " + kCramDigest, "digest tim smith|" + kCramChallenge + "|" + kCramDigest},
      {kLongName + " " + kCramDigest,
       "digest " + kLongName + "|" + kCramChallenge + "|" + kCramDigest},
      {"", "malformed"},
      {"tim", "malformed"},
      {kCramDigest, "malformed"},
      {" " + kCramDigest, "malformed"},
      {"tim " + kCramDigest + " ", "malformed"},
      {"tim " + kCramDigest.substr(1), "malformed"},
      {"tim 0" + kCramDigest, "malformed"},
      {"tim x" + kCramDigest.substr(1), "malformed"},
      {"t\0m "s + kCramDigest, "malformed"},
      {kLongName + "n " + kCramDigest, "malformed"},
  };
  for (const auto& c : kCases) {
    const auto mechanism = cram();
    EXPECT_EQ(show(mechanism->begin()), "challenge " + kCramChallenge);
    EXPECT_EQ(show(mechanism->hear(c.message)), c.expected) << c.message;
  }
}

// Nobody can answer what has not been said.
TEST(SaslCramMd5, HasNoInitialResponse) {
  EXPECT_EQ(show(cram()->hear("tim " + kCramDigest)), "malformed");
  EXPECT_EQ(make_mechanism(kCramMd5), nullptr);  // not offered
}

TEST(Sasl, OffersTheBestFirst) {
  using Names = std::vector<std::string_view>;
  EXPECT_EQ(offered({}, true), (Names{kPlain, kLogin}));
  EXPECT_EQ(offered({.scram = false, .cram = true}, false), (Names{kPlain, kLogin, kCramMd5}));
  EXPECT_EQ(offered({.scram = true, .cram = true}, true),
            (Names{kScramPlus, kScram, kPlain, kLogin, kCramMd5}));
}

}  // namespace
}  // namespace toast::auth::sasl
