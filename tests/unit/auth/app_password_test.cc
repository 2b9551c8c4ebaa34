#include "auth/app_password.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/contract/credentials/memory_credentials.h"

namespace toast::auth {
namespace {

const std::string kAnn = "ann@example.org";

TEST(AppPassword, IsMadeInGroupsAndKnownByItsShape) {
  SeededRandom random(7);
  std::set<std::string> made;
  for (int i = 0; i < 100; ++i) {
    const Secret password = make_app_password(random);
    const std::string text(password.view());
    made.insert(text);
    ASSERT_EQ(text.size(), kAppPasswordLetters + 4);
    for (const std::size_t dash : {5U, 11U, 17U, 23U}) EXPECT_EQ(text[dash], '-') << text;
    const std::optional<std::string> hash = app_password_hash(password);
    ASSERT_TRUE(hash) << text;
    EXPECT_TRUE(hash->starts_with("$app$1$"));
    EXPECT_LE(hash->size(), kMaxHashBytes);
    // As people write it.
    std::string plain = text;
    std::erase(plain, '-');
    std::string loud = text;
    std::transform(loud.begin(), loud.end(), loud.begin(), ::toupper);
    std::replace(loud.begin(), loud.end(), '0', 'O');
    std::replace(loud.begin(), loud.end(), '1', 'l');
    std::replace(loud.begin(), loud.end(), '-', ' ');
    for (const std::string& written : {plain, loud})
      EXPECT_EQ(app_password_hash(Secret(written)), hash) << written;
  }
  EXPECT_EQ(made.size(), 100U);
}

TEST(AppPassword, WhatPeopleChooseHasNotTheShape) {
  SeededRandom random(7);
  const std::string good(make_app_password(random).view());
  std::string changed = good;
  changed[0] = changed[0] == 'a' ? 'b' : 'a';
  for (const std::string& text :
       {std::string(), std::string("secret"), std::string("correct horse battery staple"),
        std::string(25, 'a'), std::string(25, '-'), std::string(1000, '-'), good.substr(1),
        good + "a", changed, std::string("aaaaa-aaaaa-aaaaa-aaaaa-aaaau")})
    EXPECT_EQ(app_password_hash(Secret(text)), std::nullopt) << text;
}

TEST(AppPassword, ServicesAreAListOfNames) {
  EXPECT_EQ(*parse_services(""), "");
  EXPECT_EQ(*parse_services("pop3"), "pop3");
  EXPECT_EQ(*parse_services(" pop3, smtp "), "pop3,smtp");
  for (const char* text : {"pop", "pop3;smtp", "checkpassword", ","})
    EXPECT_FALSE(parse_services(text)) << text;
  EXPECT_TRUE(is_for_service("", Service::smtp));
  EXPECT_TRUE(is_for_service("pop3,smtp", Service::smtp));
  EXPECT_FALSE(is_for_service("pop3", Service::smtp));
  EXPECT_FALSE(is_for_service("pop3x", Service::pop3));
  EXPECT_FALSE(is_for_service("webmail", Service::pop3));  // a later release's
  EXPECT_TRUE(is_for_service("imap", Service::checkpassword));
  EXPECT_FALSE(is_for_service("smtp", Service::checkpassword));
}

TEST(AppPassword, IsAddedOnceUnderItsNameAndUpToALimit) {
  MemoryCredentials credentials;
  SeededRandom random(7);
  const WallTime now{std::chrono::seconds{1'800'000'000}};
  const auto add = [&](const std::string& name) {
    return add_app_password(credentials, random, kAnn, {name, "pop3"}, now);
  };
  const auto phone = add("phone");
  ASSERT_TRUE(phone && *phone);
  const std::vector<AppPassword> stored = *credentials.app_passwords(kAnn);
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0], (AppPassword{"phone", *app_password_hash(**phone), "pop3",
                                    CredentialState::active, now, std::nullopt, ""}));
  ASSERT_TRUE(add("phone"));
  EXPECT_FALSE(*add("phone"));
  for (const std::string& name : {std::string(), std::string(65, 'n'), std::string("a\nb")})
    EXPECT_FALSE(add(name));
  for (std::size_t i = 1; i < kMaxAppPasswords; ++i) ASSERT_TRUE(add(std::to_string(i)));
  const auto full = add("one more");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().failure, Failure::permanent);
}

TEST(AppPassword, OfALockedAccountIsLocked) {
  MemoryCredentials credentials;
  SeededRandom random(7);
  ASSERT_TRUE(credentials.put(kAnn, "h", {}));
  ASSERT_TRUE(credentials.set_state(kAnn, CredentialState::locked));
  ASSERT_TRUE(add_app_password(credentials, random, kAnn, {"phone", ""}, {}));
  EXPECT_EQ(credentials.app_passwords(kAnn)->front().state, CredentialState::locked);
}

}  // namespace
}  // namespace toast::auth
