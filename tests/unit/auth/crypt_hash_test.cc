#include "auth/crypt_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auth/migrating_hasher.h"

namespace toast::auth {
namespace {

using testing::HasSubstr;

constexpr HashCost kCheapest{8192, 1};
const std::string kPhrase = "pass phrase";

struct Known {
  std::string_view password, stored;
};
const Known kKnown[] = {
    // By OpenSSL, which has its own; the third is OpenBSD's.
    {"Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"},
    {"Hello world!",
     "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
     "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS3"
     "5inz1"},
    {"U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"},
    // By libxcrypt's own crypt(3).
    {kPhrase, "klc9JASIUxtZg"},
    {kPhrase, "_J9..k2XAtSYm62eBHCI"},
    {kPhrase, "$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/"},
    {kPhrase, "$2b$04$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a"},
    {kPhrase, "$2y$04$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a"},
    {kPhrase, "$5$rounds=1000$k2XAnEHBqQ1Ct2aM$RW5TY3DgAbEtooUINTnxjo.BlOfGDWecvsxsfgDkgv/"},
    {kPhrase,
     "$6$rounds=1000$k2XAnEHBqQ1Ct2aM$PPtw92NUvcFY3txQ8ou3/8dRxJsmozndXgfjq9Rwz7/"
     ".kgvgacRRu9zHnimlfeVlzusWt.enukP6S6H4fBDra1"},
    {kPhrase,
     "$7$CU..../....k2XAnEHBqQ1Ct2aMXFKNaR4OddqOgpaPj/"
     "LQmB5RpN5$DNZsggtnCXqNP6FZTq5M2bnbKx1Y6yvIU0AzThf7tb4"},
    {kPhrase,
     "$y$j75$k2XAnEHBqQ1Ct2aMXFKNaR4OddqOgpaPj/LQmB5RpN5$fjMCSuJErVIsthHzvRBNoDqL8StXC."
     "XKg5794.iH6J1"},
    {kPhrase,
     "$gy$j75$k2XAnEHBqQ1Ct2aMXFKNaR4OddqOgpaPj/"
     "LQmB5RpN5$8nInB.I8BxyxhHKuroLv0l4UdURJmmUXuzNU9Jupyk/"},
    // Dovecot's names in front
    {kPhrase, "{CRYPT}klc9JASIUxtZg"},
    {kPhrase, "{MD5-CRYPT}$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/"},
    {kPhrase, "{BLF-CRYPT}$2y$04$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a"},
};

TEST(CryptHash, KnowsWhatOthersHashed) {
  for (const Known& c : kKnown) {
    SCOPED_TRACE(c.stored);
    ASSERT_TRUE(is_crypt_hash(c.stored));
    const Result<bool> right = verify_crypt_hash(c.stored, Secret(c.password));
    ASSERT_TRUE(right) << right.error().detail;
    EXPECT_TRUE(*right);
    for (const std::string& wrong : {std::string(), "X" + std::string(c.password)})
      EXPECT_FALSE(verify_crypt_hash(c.stored, Secret(wrong)).value()) << wrong;
  }
}

// What crypt(3) would cut or refuse was never hashed by it.
TEST(CryptHash, PasswordsThatCryptCannotTakeAreWrong) {
  const std::string_view stored = "$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/";
  EXPECT_FALSE(verify_crypt_hash(stored, Secret(kPhrase + std::string(1, '\0') + "x")).value());
  EXPECT_FALSE(verify_crypt_hash(stored, Secret(std::string(600, 'x'))).value());
}

TEST(CryptHash, OthersAreNotTakenForOnes) {
  for (const std::string_view other :
       {"", "x", "plain text", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "$md5$salt$x", "$3$$x",
        "{SSHA}abcdef", "{PLAIN}secret", "klc9JASIUxtZg0", "klc9JASIUxtZ!", "!", "*"})
    EXPECT_FALSE(is_crypt_hash(other)) << other;
}

struct Bad {
  std::string stored;
  const char* says;
};
const Bad kBad[] = {
    {"$2b$13$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a", "13 as bcrypt's cost"},
    {"$2b$99$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a", "99 as bcrypt's cost"},
    {"$2b$xx$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a", "damaged bcrypt"},
    {"$2b$04$short", "damaged bcrypt"},
    {"$2b$", "damaged bcrypt"},
    {"$6$rounds=1000001$salt$x", "1000001 rounds"},
    {"$5$rounds=99999999999999999999$salt$x", "1000001 rounds"},
    {"$6$rounds=$salt$x", "damaged rounds"},
    {"$6$rounds=1000", "damaged rounds"},
    {"_zzzzk2XAtSYm62eBHCI", "rounds"},
    {"_J9..k2XAtSYm62eBHC", "damaged extended DES"},
    {"$7$FU..../....salt$x", "log2(N)"},
    {"$7$CV..../....salt$x", "scrypt's r"},
    {"$7$CU....0....salt$x", "parallelism"},
    {"$7$CU", "damaged scrypt"},
    {"$y$jFT$salt$x", "log2(N)"},
    {"$y$jDU$salt$x", "yescrypt's r"},
    {"$y$jD5/$salt$x", "unusual"},
    {"$y$", "unusual"},
    {"$gy$k75$salt$x", "unusual"},
    {"$1$" + std::string(600, 'x'), "not the text"},
    {std::string("$1$a\0b", 6), "not the text"},
};

TEST(CryptHash, ItsCostIsCheckedBeforeItIsPaid) {
  for (const Bad& c : kBad) {
    SCOPED_TRACE(c.stored);
    ASSERT_TRUE(is_crypt_hash(c.stored));
    const Result<bool> answer = verify_crypt_hash(c.stored, Secret("x"));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().failure, Failure::permanent);
    EXPECT_THAT(answer.error().detail, HasSubstr(c.says));
  }
}

// "*0" is what crypt(3) says to salts it does not understand: an error, never a wrong password.
TEST(CryptHash, WhatCryptDoesNotUnderstandIsNoWrongPassword) {
  const Result<bool> answer = verify_crypt_hash(
      "$2b$04$!!!!!!!!!!!!!!!!!!!!!!gLs61ZGc3jqbHn5t3ep0oXwbld0lM3a", Secret("x"));
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().detail, HasSubstr("does not understand"));
}

TEST(MigratingHasher, VerifiesBothAndMakesArgon2) {
  const MigratingHasher hasher(kCheapest, true);
  const std::string ours = hasher.hash(Secret(kPhrase)).value();
  EXPECT_TRUE(ours.starts_with("$argon2id$"));
  for (const std::string& stored : {ours, std::string("$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/")}) {
    EXPECT_TRUE(hasher.verify(stored, Secret(kPhrase)).value());
    EXPECT_FALSE(hasher.verify(stored, Secret("wrong")).value());
  }
  EXPECT_FALSE(hasher.verify("{SSHA}abcdef", Secret("x")));
}

TEST(MigratingHasher, RenewsImportedOnesWhereItMay) {
  const std::string imported = "$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/";
  EXPECT_TRUE(MigratingHasher(kCheapest, true).needs_rehash(imported));
  EXPECT_FALSE(MigratingHasher(kCheapest, false).needs_rehash(imported));
  const MigratingHasher off(kCheapest, false);
  EXPECT_FALSE(off.needs_rehash(off.hash(Secret("x")).value()));
  EXPECT_TRUE(off.needs_rehash(Argon2Hasher({16384, 1}).hash(Secret("x")).value()));
}

TEST(StoredHash, IsCheckedBeforeItIsStored) {
  EXPECT_TRUE(check_stored_hash("$1$k2XAnEHB$q5/cXxg2fEkzXFFpCP1pg/", {}));
  EXPECT_TRUE(check_stored_hash("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA", {}));
  for (const std::string_view bad :
       {"secret", "{SSHA}abc", "$2b$31$KBCwKxOzLha2MUDgW0PjXegLs61ZGc3jqbHn5t3ep0oXwbld0lM3a",
        "$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aGFzaA"})
    EXPECT_FALSE(check_stored_hash(bad, {})) << bad;
}

}  // namespace
}  // namespace toast::auth
