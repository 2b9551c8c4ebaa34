#include "mta/compat/checkpassword.h"

#include <gtest/gtest.h>

namespace toast::compat {
namespace {

using namespace std::string_literals;

TEST(Checkpassword, DescriptorThree) {
  const struct {
    std::string bytes, expected;
  } kCases[] = {
      {"ann@example.org\0secret\0Y123456\0"s, "ann@example.org secret"},
      {"ann\0two words\0\0"s, "ann two words"},
      {"ann\0secret\0"s, "ann secret"},  // no timestamp: some callers leave it out
      {"ann\0secret\0stamp"s, "ann secret"},
      // Misused: the caller does not know the interface.
      {"", "exit 2"},
      {"ann", "exit 2"},
      {"ann\0secret"s, "exit 2"},
      // Nobody has such a name or password.
      {"\0secret\0\0"s, "exit 1"},
      {"ann\0\0\0"s, "exit 1"},
      {std::string(321, 'n') + "\0secret\0\0"s, "exit 1"},
      {"ann\0"s + std::string(513 - 6, 'p') + "\0\0"s, "exit 1"},  // 513 bytes
  };
  for (const auto& c : kCases) {
    const auto input = parse_checkpassword(c.bytes);
    const std::string shown = input ? input->login + " " + std::string(input->password.view())
                                    : "exit " + std::to_string(static_cast<int>(input.error()));
    EXPECT_EQ(shown, c.expected) << c.bytes;
  }
}

TEST(Checkpassword, WhatDovecotCallsAService) {
  EXPECT_EQ(checked_service("imap"), auth::Service::imap);
  EXPECT_EQ(checked_service("pop3"), auth::Service::pop3);
  EXPECT_EQ(checked_service("submission"), auth::Service::smtp);
  for (const std::string_view name : {"", "sieve", "IMAP", "checkpassword"})
    EXPECT_EQ(checked_service(name), auth::Service::checkpassword) << name;
}

TEST(Checkpassword, WhatTheProgramIsTold) {
  CheckedAccount account =
      checked_account("/srv/mail", "ann@example.org", "example.org/ann/Maildir");
  EXPECT_EQ(account.home, "/srv/mail/mail/example.org/ann");
  account.quota_bytes = 1024;
  std::string shown;
  for (const auto& [name, value] : checkpassword_environment(account, 7, 8))
    shown += name + "=" + value + "\n";
  EXPECT_EQ(shown,
            "USER=ann@example.org\nHOME=/srv/mail/mail/example.org/ann\nSHELL=/bin/sh\nEXT=ann\n"
            "HOST=example.org\nMAILDIR=/srv/mail/mail/example.org/ann/Maildir\nuserdb_uid=7\n"
            "userdb_gid=8\nuserdb_mail=maildir:/srv/mail/mail/example.org/ann/Maildir\n"
            "userdb_quota_rule=*:bytes=1024:messages=0\n"
            "EXTRA=userdb_uid userdb_gid userdb_mail userdb_quota_rule\n");
}

}  // namespace
}  // namespace toast::compat
