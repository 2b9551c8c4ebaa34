// What every credentials repository must do. A new back end adds one line at the end.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "auth/credentials_repository.h"
#include "auth/mariadb/credentials.h"
#include "auth/sqlite/credentials.h"
#include "base/migrations.h"
#include "schema/embedded.h"
#include "tests/contract/credentials/memory_credentials.h"
#include "tests/contract/mariadb/private_server.h"

namespace toast::auth {
namespace {

const WallTime kMonday{std::chrono::seconds{1'800'000'000}};
const WallTime kTuesday = kMonday + std::chrono::hours{24};

// A back end: makes an empty repository, and a second view of the same store where there is one.
struct Store {
  virtual ~Store() = default;
  virtual CredentialsRepository& first() = 0;
  virtual CredentialsRepository& second() = 0;
};

struct MemoryStore final : Store {
  MemoryCredentials credentials;
  CredentialsRepository& first() override { return credentials; }
  CredentialsRepository& second() override { return credentials; }
};

struct SqliteStore final : Store {
  SqliteStore() {
    char pattern[] = "/tmp/toast-credentials-XXXXXX";
    directory = mkdtemp(pattern);
    const std::string path = directory + "/credentials.db";
    Result<sqlite::Connection> db = sqlite::Connection::open(path, {sqlite::Access::create});
    if (!db || !apply_migrations(*db, schema::sqlite_credentials())) std::abort();
    one = std::make_unique<SqliteCredentials>(path, sqlite::OpenOptions{});
    two = std::make_unique<SqliteCredentials>(path, sqlite::OpenOptions{});
  }
  ~SqliteStore() override {
    one.reset();
    two.reset();
    std::filesystem::remove_all(directory);
  }
  CredentialsRepository& first() override { return *one; }
  CredentialsRepository& second() override { return *two; }
  std::string directory;
  std::unique_ptr<SqliteCredentials> one;
  std::unique_ptr<SqliteCredentials> two;
};

struct MariadbStore final : Store {
  MariadbStore() {
    static int made = 0;
    const std::string name = "credentials_" + std::to_string(++made);
    mariadb::shared_server().make_database(name, schema::mariadb_credentials());
    one = std::make_unique<MariadbCredentials>(mariadb::shared_servers(name));
    two = std::make_unique<MariadbCredentials>(mariadb::shared_servers(name));
  }
  CredentialsRepository& first() override { return *one; }
  CredentialsRepository& second() override { return *two; }
  std::unique_ptr<MariadbCredentials> one;
  std::unique_ptr<MariadbCredentials> two;
};

using MakeStore = std::function<std::unique_ptr<Store>()>;
struct BackEnd {
  const char* name;
  MakeStore make;
};

class CredentialsContract : public testing::TestWithParam<BackEnd> {
 protected:
  std::unique_ptr<Store> store_ = GetParam().make();
  CredentialsRepository& credentials_ = store_->first();
  CredentialsRepository& elsewhere_ = store_->second();

  std::optional<Credential> find(const std::string& account) {
    Result<std::optional<Credential>> found = elsewhere_.find(account);
    EXPECT_TRUE(found) << found.error().detail;
    return found ? *found : std::nullopt;
  }
};

TEST_P(CredentialsContract, NoCredentialIsAValueNotAnError) {
  EXPECT_EQ(find("ann@example.org"), std::nullopt);
  EXPECT_EQ(find(""), std::nullopt);
  EXPECT_EQ(find(std::string("ann@example.org\0x", 17)), std::nullopt);
}

TEST_P(CredentialsContract, WhatWasPutIsFound) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "$argon2id$one", kMonday));
  EXPECT_EQ(find("ann@example.org"),
            (Credential{"$argon2id$one", CredentialState::active, kMonday}));
  EXPECT_EQ(find("bob@example.org"), std::nullopt);
}

TEST_P(CredentialsContract, ManyArePutTogether) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "old", kMonday));
  ASSERT_TRUE(credentials_.set_state("ann@example.org", CredentialState::locked).value());
  const std::vector<NewCredential> all = {
      {"ann@example.org", "new"}, {"bob@example.org", "h", "SCRAM"}, {"carl@example.org", "h"}};
  for (int twice = 0; twice < 2; ++twice) ASSERT_TRUE(credentials_.put_all(all, kTuesday));
  const Credential active{"new", CredentialState::active, kTuesday, ""};
  EXPECT_EQ(credentials_.find("ann@example.org").value(), active);
  EXPECT_EQ(credentials_.find("bob@example.org").value()->scram, "SCRAM");
  EXPECT_EQ(credentials_.find("carl@example.org").value()->scram, "");
  ASSERT_TRUE(credentials_.put_all({}, kTuesday));
  const std::vector<NewCredential> bad = {{"dora@example.org", "h"}, {"", "h"}};
  const Result<void> refused = credentials_.put_all(bad, kTuesday);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().failure, Failure::permanent);
}

TEST_P(CredentialsContract, NamesAreBytesNotPatternsOrCases) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "h", kMonday));
  EXPECT_EQ(find("Ann@example.org"), std::nullopt);
  EXPECT_EQ(find("%"), std::nullopt);
  EXPECT_EQ(find("ann@example.org "), std::nullopt);  // no padding
  EXPECT_EQ(find("\xc3\xa4nn@example.org"), std::nullopt);
  EXPECT_EQ(find("\xff\xfe@example.org"), std::nullopt);  // what is no UTF-8 is nobody's name
  ASSERT_TRUE(credentials_.put("o'brien\"; --@example.org", "h2", kMonday));
  EXPECT_EQ(find("o'brien\"; --@example.org")->hash, "h2");
}

TEST_P(CredentialsContract, PutAgainReplacesAndUnlocks) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "old", kMonday));
  ASSERT_TRUE(credentials_.set_state("ann@example.org", CredentialState::locked));
  EXPECT_EQ(find("ann@example.org")->state, CredentialState::locked);
  ASSERT_TRUE(credentials_.put("ann@example.org", "new", kTuesday));
  EXPECT_EQ(find("ann@example.org"), (Credential{"new", CredentialState::active, kTuesday}));
}

TEST_P(CredentialsContract, PutRefusesWhatNobodyCouldUse) {
  const std::string long_account(kMaxAccountBytes + 1, 'a');
  const std::string long_hash(kMaxHashBytes + 1, 'h');
  for (const auto& [account, hash] : std::vector<std::pair<std::string, std::string>>{
           {"", "h"},
           {"ann@example.org", ""},
           {long_account, "h"},
           {"ann@example.org", long_hash},
           {std::string("a\0b", 3), "h"},
           {"ann@example.org", std::string("h\0h", 3)}}) {
    SCOPED_TRACE(account);
    Result<void> done = credentials_.put(account, hash, kMonday);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().failure, Failure::permanent);
  }
  EXPECT_EQ(find("ann@example.org"), std::nullopt);
}

TEST_P(CredentialsContract, ReplaceHashOnlyWhereItIsStillTheOldOne) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "old", kMonday));
  EXPECT_EQ(credentials_.replace_hash("ann@example.org", "other", "better").value(), false);
  EXPECT_EQ(find("ann@example.org")->hash, "old");
  EXPECT_EQ(credentials_.replace_hash("ann@example.org", "old", "better").value(), true);
  EXPECT_EQ(find("ann@example.org"), (Credential{"better", CredentialState::active, kMonday}));
  EXPECT_EQ(credentials_.replace_hash("bob@example.org", "old", "better").value(), false);
}

TEST_P(CredentialsContract, WhatScramNeedsIsOfTheHashItWasMadeWith) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "one", kMonday));
  EXPECT_EQ(find("ann@example.org")->scram, "");
  EXPECT_EQ(credentials_.put_scram("ann@example.org", "other", "v").value(), false);
  EXPECT_EQ(credentials_.put_scram("ann@example.org", "one", "v1").value(), true);
  EXPECT_EQ(find("ann@example.org"), (Credential{"one", CredentialState::active, kMonday, "v1"}));
  ASSERT_TRUE(credentials_.replace_hash("ann@example.org", "one", "two"));
  EXPECT_EQ(find("ann@example.org")->scram, "");
  EXPECT_EQ(credentials_.put_scram("ann@example.org", "two", "v2").value(), true);
  ASSERT_TRUE(credentials_.put("ann@example.org", "two", kTuesday));  // the same, set anew
  EXPECT_EQ(find("ann@example.org")->scram, "");
  for (const std::string& bad : {std::string(), std::string(kMaxScramBytes + 1, 'v')})
    EXPECT_EQ(credentials_.put_scram("ann@example.org", "two", bad).error().failure,
              Failure::permanent);
}

// Kept only where the switch is on, dropped with the switch and with every change of the password.
TEST_P(CredentialsContract, ASealedPasswordIsKeptForWhomItIsSwitchedOn) {
  const std::string ann = "ann@example.org";
  EXPECT_EQ(credentials_.set_reversible(ann, true).value(), false);  // no password to keep
  ASSERT_TRUE(credentials_.put(ann, "one", kMonday));
  EXPECT_EQ(credentials_.put_sealed(ann, "one", "sealed").value(), false);
  EXPECT_EQ(find(ann), (Credential{"one", CredentialState::active, kMonday}));
  EXPECT_EQ(credentials_.set_reversible(ann, true).value(), true);
  EXPECT_EQ(credentials_.put_sealed(ann, "other", "sealed").value(), false);
  EXPECT_EQ(credentials_.put_sealed(ann, "one", "sealed").value(), true);
  const Credential kept{"one", CredentialState::active, kMonday, "", true, "sealed"};
  EXPECT_EQ(find(ann), kept);
  EXPECT_EQ(credentials_.set_reversible(ann, true).value(), true);  // again: nothing is lost
  EXPECT_EQ(find(ann), kept);
  ASSERT_TRUE(credentials_.replace_hash(ann, "one", "two").value());
  EXPECT_EQ(find(ann), (Credential{"two", CredentialState::active, kMonday, "", true, ""}));
  ASSERT_TRUE(credentials_.put_sealed(ann, "two", "sealed").value());
  ASSERT_TRUE(credentials_.put(ann, "two", kTuesday));  // the same, set anew
  EXPECT_EQ(find(ann), (Credential{"two", CredentialState::active, kTuesday, "", true, ""}));
  ASSERT_TRUE(credentials_.put_sealed(ann, "two", "sealed").value());
  const NewCredential imported{ann, "three"};
  ASSERT_TRUE(credentials_.put_all({&imported, 1}, kTuesday));
  EXPECT_EQ(find(ann), (Credential{"three", CredentialState::active, kTuesday, "", true, ""}));
  ASSERT_TRUE(credentials_.put_sealed(ann, "three", std::string(kMaxSealedBytes, 's')).value());
  EXPECT_EQ(credentials_.set_reversible(ann, false).value(), true);
  EXPECT_EQ(find(ann), (Credential{"three", CredentialState::active, kTuesday}));
  for (const std::string& bad : {std::string(), std::string(kMaxSealedBytes + 1, 's')})
    EXPECT_EQ(credentials_.put_sealed(ann, "three", bad).error().failure, Failure::permanent);
}

TEST_P(CredentialsContract, AppPasswordsAreByNameAndFoundByHash) {
  const std::string ann = "ann@example.org";
  AppPassword phone{"phone", "$app$p", "pop3,smtp", CredentialState::active, kMonday, {}, ""};
  AppPassword tablet{"Tablet", "$app$t", "",           CredentialState::active,
                     kMonday,  kTuesday, "2001:db8::1"};
  EXPECT_TRUE(elsewhere_.app_passwords(ann)->empty());
  ASSERT_TRUE(credentials_.put_app_password(ann, phone));
  ASSERT_TRUE(credentials_.put_app_password(ann, tablet));
  ASSERT_TRUE(credentials_.put_app_password("bob@example.org", phone));
  EXPECT_EQ(*elsewhere_.app_passwords(ann), (std::vector<AppPassword>{tablet, phone}));
  EXPECT_EQ(*elsewhere_.find_app_password(ann, "$app$p"), phone);
  EXPECT_EQ(*elsewhere_.find_app_password(ann, "$app$P"), std::nullopt);
  EXPECT_EQ(*elsewhere_.find_app_password(ann, ""), std::nullopt);
  EXPECT_EQ(find(ann), std::nullopt);  // they are no password of its own
  phone.services = "pop3";
  ASSERT_TRUE(credentials_.put_app_password(ann, phone));
  EXPECT_EQ(*elsewhere_.find_app_password(ann, "$app$p"), phone);
  EXPECT_EQ(credentials_.remove_app_password(ann, "Phone").value(), false);
  EXPECT_EQ(credentials_.remove_app_password(ann, "phone").value(), true);
  EXPECT_EQ(*elsewhere_.app_passwords(ann), std::vector<AppPassword>{tablet});
  EXPECT_EQ(elsewhere_.app_passwords("bob@example.org")->size(), 1U);
}

// The account's own password is not among the app passwords, whatever is asked.
TEST_P(CredentialsContract, TheOwnPasswordIsNoAppPassword) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "h", kMonday));
  EXPECT_TRUE(elsewhere_.app_passwords("ann@example.org")->empty());
  EXPECT_EQ(*elsewhere_.find_app_password("ann@example.org", "h"), std::nullopt);
  EXPECT_EQ(credentials_.remove_app_password("ann@example.org", "").value(), false);
  const AppPassword nameless{"", "$app$p", "", CredentialState::active, kMonday, {}, ""};
  EXPECT_EQ(credentials_.put_app_password("ann@example.org", nameless).error().failure,
            Failure::permanent);
  EXPECT_EQ(find("ann@example.org")->hash, "h");
}

TEST_P(CredentialsContract, LockingAnAccountLocksItsAppPasswords) {
  const std::string ann = "ann@example.org";
  const AppPassword phone{"phone", "$app$p", "", CredentialState::active, kMonday, {}, ""};
  ASSERT_TRUE(credentials_.put(ann, "h", kMonday));
  ASSERT_TRUE(credentials_.put_app_password(ann, phone));
  ASSERT_TRUE(credentials_.put_app_password("bob@example.org", phone));
  EXPECT_EQ(credentials_.set_state(ann, CredentialState::locked).value(), true);
  EXPECT_EQ(find(ann)->state, CredentialState::locked);
  EXPECT_EQ(elsewhere_.app_passwords(ann)->front().state, CredentialState::locked);
  EXPECT_EQ(elsewhere_.app_passwords("bob@example.org")->front().state, CredentialState::active);
  EXPECT_EQ(credentials_.set_state("bob@example.org", CredentialState::locked).value(), true);
  EXPECT_EQ(credentials_.set_state(ann, CredentialState::active).value(), true);
  EXPECT_EQ(elsewhere_.app_passwords(ann)->front().state, CredentialState::active);
}

TEST_P(CredentialsContract, TheUseOfAnAppPasswordIsRecorded) {
  const std::string ann = "ann@example.org";
  const AppPassword phone{"phone", "$app$p", "", CredentialState::active, kMonday, {}, ""};
  ASSERT_TRUE(credentials_.put_app_password(ann, phone));
  const LastLogin logins[] = {{ann, Service::pop3, kTuesday, "192.0.2.7", "phone"},
                              {ann, Service::smtp, kMonday, "192.0.2.8", "phone"},
                              {ann, Service::imap, kTuesday, "192.0.2.9", "gone"}};
  ASSERT_TRUE(credentials_.record_logins(logins));
  const AppPassword used = elsewhere_.app_passwords(ann)->front();
  EXPECT_EQ(used.used, kTuesday);
  EXPECT_EQ(used.used_from, "192.0.2.7");
  EXPECT_EQ(elsewhere_.last_logins(ann)->size(), 3U);
  EXPECT_EQ(*elsewhere_.accounts("", 10), std::vector<std::string>{ann});
  EXPECT_EQ(credentials_.remove(ann).value(), true);
  EXPECT_TRUE(elsewhere_.app_passwords(ann)->empty());
}

TEST_P(CredentialsContract, ASecretIsTheSameForAll) {
  const std::string drawn("\0\xff binary", 9);
  EXPECT_EQ(credentials_.secret("scram", drawn).value(), drawn);
  EXPECT_EQ(elsewhere_.secret("scram", "another").value(), drawn);
  EXPECT_EQ(elsewhere_.secret("other", "another").value(), "another");
}

TEST_P(CredentialsContract, RemoveTellsWhetherThereWasOne) {
  ASSERT_TRUE(credentials_.put("ann@example.org", "h", kMonday));
  const LastLogin login{"ann@example.org", Service::pop3, kMonday, "192.0.2.7"};
  ASSERT_TRUE(credentials_.record_logins({&login, 1}));
  EXPECT_EQ(credentials_.remove("ann@example.org").value(), true);
  EXPECT_EQ(find("ann@example.org"), std::nullopt);
  EXPECT_TRUE(elsewhere_.last_logins("ann@example.org")->empty());
  EXPECT_EQ(credentials_.remove("ann@example.org").value(), false);
  EXPECT_EQ(credentials_.set_state("ann@example.org", CredentialState::locked).value(), false);
}

TEST_P(CredentialsContract, LastLoginKeepsTheNewestPerService) {
  const LastLogin batch[] = {{"ann@example.org", Service::pop3, kTuesday, "192.0.2.7"},
                             {"ann@example.org", Service::pop3, kMonday, "192.0.2.8"},
                             {"ann@example.org", Service::smtp, kMonday, "2001:db8::1"},
                             {"bob@example.org", Service::pop3, kMonday, "192.0.2.9"}};
  ASSERT_TRUE(credentials_.record_logins(batch));
  ASSERT_TRUE(credentials_.record_logins({}));
  EXPECT_EQ(*elsewhere_.last_logins("ann@example.org"),
            (std::vector<LastLogin>{batch[0], batch[2]}));
  EXPECT_EQ(*elsewhere_.last_logins("bob@example.org"), (std::vector<LastLogin>{batch[3]}));
  EXPECT_TRUE(elsewhere_.last_logins("nobody@example.org")->empty());
}

TEST_P(CredentialsContract, AccountsArePagedInByteOrder) {
  for (const char* account : {"c@x.org", "a@x.org", "B@x.org", "b@x.org"})
    ASSERT_TRUE(credentials_.put(account, "h", kMonday));
  using Names = std::vector<std::string>;
  EXPECT_EQ(*elsewhere_.accounts("", 3), (Names{"B@x.org", "a@x.org", "b@x.org"}));
  EXPECT_EQ(*elsewhere_.accounts("b@x.org", 3), (Names{"c@x.org"}));
  EXPECT_EQ(*elsewhere_.accounts("c@x.org", 3), Names{});
}

INSTANTIATE_TEST_SUITE_P(
    BackEnds, CredentialsContract,
    testing::Values(BackEnd{"memory", [] { return std::make_unique<MemoryStore>(); }},
                    BackEnd{"sqlite", [] { return std::make_unique<SqliteStore>(); }},
                    BackEnd{"mariadb", [] { return std::make_unique<MariadbStore>(); }}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace toast::auth
