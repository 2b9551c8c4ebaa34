#include "auth/password_hash.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

namespace toast::auth {
namespace {

constexpr HashCost kCheapArgon{8192, 1};  // argon2's least: tests hash often

TEST(Argon2Hasher, VerifiesWhatItHashed) {
  const Argon2Hasher hasher(kCheapArgon);
  const std::string stored = hasher.hash(Secret("pass phrase")).value();
  EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=8,t=1,p=1$")) << stored;
  EXPECT_TRUE(hasher.verify(stored, Secret("pass phrase")).value());
  EXPECT_FALSE(hasher.verify(stored, Secret("pass phrasE")).value());
  EXPECT_FALSE(hasher.verify(stored, Secret("")).value());
  EXPECT_FALSE(hasher.verify(stored, Secret(std::string(1024, 'x'))).value());
  EXPECT_NE(stored, hasher.hash(Secret("pass phrase")).value());  // salted
}

TEST(Argon2Hasher, PasswordsAreBytes) {
  const Argon2Hasher hasher(kCheapArgon);
  const std::string stored = hasher.hash(Secret(std::string_view("a\0b\xff", 4))).value();
  EXPECT_TRUE(hasher.verify(stored, Secret(std::string_view("a\0b\xff", 4))).value());
  EXPECT_FALSE(hasher.verify(stored, Secret("a")).value());
}

// From the test vectors of the argon2 reference program (64 MiB, two passes) and, with two lanes,
// from PHP's manual.
TEST(Argon2Hasher, VerifiesHashesOfOtherPrograms) {
  const Argon2Hasher hasher(kCheapArgon);
  EXPECT_TRUE(hasher
                  .verify("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
                          "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                          Secret("password"))
                  .value());
  EXPECT_TRUE(hasher
                  .verify("$argon2i$v=19$m=1024,t=2,p=2$TzU5L0RJTDg5czJHNXJRZw$"
                          "qMnsUdOz3wjBX7+0Tf/5B8/CVoEDVHMtoKTXPMTRhDQ",
                          Secret("not it"))
                  .has_value());
}

TEST(Argon2Hasher, AnEmptyPasswordCannotBeSet) {
  const Result<std::string> made = Argon2Hasher(kCheapArgon).hash(Secret());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().failure, Failure::permanent);
}

TEST(Argon2Hasher, NothingIsKnownToMatchTheDummyWhichCostsAsMuch) {
  const Argon2Hasher hasher(kCheapArgon);
  EXPECT_EQ(parse_stored_hash(hasher.dummy()).value().cost, kCheapArgon);
  for (const char* guess : {"", "password", "dummy"})
    EXPECT_FALSE(hasher.verify(hasher.dummy(), Secret(guess)).value());
  EXPECT_EQ(parse_stored_hash(Argon2Hasher({}).dummy()).value().cost, HashCost{});
}

TEST(Argon2Hasher, NeedsRehash) {
  const Argon2Hasher hasher(HashCost{16384, 2});
  struct Case {
    const char* stored;
    bool needs;
  };
  const Case kCases[] = {
      {"$argon2id$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$aGFzaA", false},
      {"$argon2id$v=19$m=8,t=2,p=1$c2FsdHNhbHQ$aGFzaA", true},   // less memory
      {"$argon2id$v=19$m=32,t=2,p=1$c2FsdHNhbHQ$aGFzaA", true},  // more than is wanted now
      {"$argon2id$v=19$m=16,t=1,p=1$c2FsdHNhbHQ$aGFzaA", true},  // fewer passes
      {"$argon2id$v=19$m=16,t=2,p=4$c2FsdHNhbHQ$aGFzaA", true},  // another program's lanes
      {"$argon2i$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$aGFzaA", true},   // the weaker variant
      {"$6$salt$hash", false},                                   // not ours to say
  };
  for (const Case& c : kCases) EXPECT_EQ(hasher.needs_rehash(c.stored), c.needs) << c.stored;
}

// What cannot be verified is an error that says so, never "wrong password".
TEST(Argon2Hasher, RefusesUnknownSchemesInWords) {
  const Argon2Hasher hasher(kCheapArgon);
  struct Case {
    std::string stored;
    const char* says;
  };
  const Case kCases[] = {
      {"$6$saltsalt$Nl0pQ", "scheme $6$ is not known"},
      {"$2y$12$abcdefghijklmnopqrstuv", "scheme $2y$ is not known"},
      {"{SSHA}abcdef", "scheme {SSHA} is not known"},
      {"abJnggxhB/yWI", "scheme unmarked is not known"},  // traditional DES
      {"", "scheme unmarked is not known"},
      {"$argon2id$v=16$m=8,t=1,p=1$c2FsdA$aGFzaA", "damaged"},
      {"$argon2id$v=19$m=0,t=1,p=1$c2FsdA$aGFzaA", "damaged"},
      {"$argon2id$v=19$m=8,t=0,p=1$c2FsdA$aGFzaA", "damaged"},
      {"$argon2id$v=19$m=8,t=1,p=0$c2FsdA$aGFzaA", "damaged"},
      {"$argon2id$v=19$m=99999999999999999999,t=1,p=1$c2FsdA$aGFzaA", "damaged"},
      {"$argon2id$v=19$m=8,t=1$c2FsdA$aGFzaA", "damaged"},
      {"$argon2id$", "damaged"},
      {"$argon2id$v=19$m=8,t=1,p=1$", "damaged"},  // cut short: not a wrong password
      {"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA", "damaged"},
      {"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$!!!!", "damaged"},
      {std::string("$argon2id$v=19$m=8,t=1,p=1$c2\0FsdA", 33), "not the text"},
      {std::string(5000, '$'), "not the text"},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.stored.substr(0, 60));
    const Result<bool> got = hasher.verify(c.stored, Secret("x"));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().failure, Failure::permanent);
    EXPECT_NE(got.error().detail.find(c.says), std::string::npos) << got.error().detail;
  }
}

// A hash in the database must not choose to cost a minute or all memory.
TEST(Argon2Hasher, BoundsWhatAStoredHashMayCost) {
  const Argon2Hasher hasher(kCheapArgon);
  for (const char* stored : {
           "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$aGFzaA",     // 4 GiB
           "$argon2id$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ$aGFzaA",  // for ever
           "$argon2id$v=19$m=524288,t=64,p=1$c2FsdHNhbHQ$aGFzaA",     // each allowed, not both
           "$argon2id$v=19$m=4096,t=1,p=255$c2FsdHNhbHQ$aGFzaA",
       }) {
    SCOPED_TRACE(stored);
    const Result<bool> got = hasher.verify(stored, Secret("x"));
    ASSERT_FALSE(got);
    EXPECT_NE(got.error().detail.find("more than is allowed"), std::string::npos);
  }
}

TEST(Argon2Hasher, TheConfiguredCostIsAlwaysAllowed) {
  const Argon2Hasher hasher(HashCost{8192, 65});  // more passes than strangers' hashes may ask for
  const std::string stored = hasher.hash(Secret("pass")).value();
  EXPECT_TRUE(hasher.verify(stored, Secret("pass")).value());
  EXPECT_THROW(Argon2Hasher(HashCost{1, 1}), std::invalid_argument);
}

#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)  // they reserve terabytes of address space
// libsodium says -1 for "wrong" and for "no memory": they must come out apart.
TEST(Argon2Hasher, NoMemoryIsTransientNotAWrongPassword) {
  const Argon2Hasher hasher(HashCost{256ULL << 20U, 1});
  const std::string stored = Argon2Hasher(kCheapArgon).hash(Secret("pass")).value();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit tight = before;
  std::uint64_t pages_in_use = 0;  // other tests' threads have left theirs
  std::ifstream("/proc/self/statm") >> pages_in_use;
  tight.rlim_cur = pages_in_use * static_cast<std::uint64_t>(::getpagesize()) + (128ULL << 20U);
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  const Result<bool> starved = hasher.verify(hasher.dummy(), Secret("pass"));
  const Result<std::string> unmade = hasher.hash(Secret("pass"));
  const Result<bool> small = hasher.verify(stored, Secret("pass"));
  ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
  ASSERT_FALSE(starved);
  EXPECT_EQ(starved.error().failure, Failure::transient);
  ASSERT_FALSE(unmade);
  EXPECT_EQ(unmade.error().failure, Failure::transient);
  EXPECT_TRUE(small.value());
}
#endif

}  // namespace
}  // namespace toast::auth
