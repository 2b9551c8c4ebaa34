// What every repository of certificates must do. A new back end adds one line at the end.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <memory>

#include "auth/certificate_repository.h"
#include "auth/mariadb/certificates.h"
#include "auth/sqlite/certificates.h"
#include "base/migrations.h"
#include "schema/embedded.h"
#include "tests/contract/mariadb/private_server.h"

namespace toast::auth {
namespace {

const WallTime kInstalledAt{std::chrono::seconds{1'800'000'000}};

struct CertificateStore {
  std::unique_ptr<CertificateRepository> first;
  std::unique_ptr<CertificateRepository> second;  // another view of the same
  std::string folder;
  ~CertificateStore() {
    first.reset();
    second.reset();
    if (!folder.empty()) std::filesystem::remove_all(folder);
  }
};

std::unique_ptr<CertificateStore> on_sqlite() {
  char pattern[] = "/tmp/toast-certificates-XXXXXX";
  auto store = std::make_unique<CertificateStore>();
  store->folder = mkdtemp(pattern);
  const std::string path = store->folder + "/credentials.db";
  Result<sqlite::Connection> db = sqlite::Connection::open(path, {sqlite::Access::create});
  if (!db || !apply_migrations(*db, schema::sqlite_credentials())) std::abort();
  store->first = std::make_unique<SqliteCertificates>(path, sqlite::OpenOptions{});
  store->second =
      std::make_unique<SqliteCertificates>(path, sqlite::OpenOptions{sqlite::Access::read});
  return store;
}

std::unique_ptr<CertificateStore> on_mariadb() {
  static int made = 0;
  const std::string name = "certificates_" + std::to_string(++made);
  mariadb::shared_server().make_database(name, schema::mariadb_credentials());
  auto store = std::make_unique<CertificateStore>();
  store->first = std::make_unique<MariadbCertificates>(mariadb::shared_servers(name));
  store->second = std::make_unique<MariadbCertificates>(mariadb::shared_servers(name));
  return store;
}

struct CertificatesOn {
  const char* name;
  std::function<std::unique_ptr<CertificateStore>()> make;
};

class CertificatesContract : public testing::TestWithParam<CertificatesOn> {
 protected:
  std::unique_ptr<CertificateStore> store_ = GetParam().make();
  CertificateRepository& certificates_ = *store_->first;
  CertificateRepository& elsewhere_ = *store_->second;
  const StoredCertificate mail_{"mail.example.org", "chain\n", "sealed", "for", kInstalledAt};
};

TEST_P(CertificatesContract, NoneIsAValueNotAnError) {
  EXPECT_EQ(certificates_.find("mail.example.org").value(), std::nullopt);
  EXPECT_TRUE(certificates_.list()->empty());
  EXPECT_FALSE(certificates_.remove("mail.example.org").value());
}

TEST_P(CertificatesContract, WhatWasPutIsFoundAndReplaced) {
  ASSERT_TRUE(certificates_.put(mail_));
  EXPECT_EQ(elsewhere_.find("mail.example.org").value(), mail_);
  const StoredCertificate longest{mail_.domain, std::string(kMaxStoredChain, 'c'),
                                  std::string(kMaxSealedKey, 'k'), "other",
                                  kInstalledAt + std::chrono::microseconds{1}};
  ASSERT_TRUE(certificates_.put(longest));
  EXPECT_EQ(elsewhere_.find("mail.example.org").value(), longest);
  EXPECT_TRUE(certificates_.remove("mail.example.org").value());
  EXPECT_EQ(elsewhere_.find("mail.example.org").value(), std::nullopt);
}

TEST_P(CertificatesContract, ListedInByteOrderWithWhatTellsVersionsApart) {
  for (const char* domain : {"c.example", "a.example", "b.example"}) {
    StoredCertificate one = mail_;
    one.domain = domain;
    ASSERT_TRUE(certificates_.put(one));
  }
  EXPECT_EQ(elsewhere_.list().value(),
            (std::vector<CertificateVersion>{{"a.example", "for", kInstalledAt},
                                             {"b.example", "for", kInstalledAt},
                                             {"c.example", "for", kInstalledAt}}));
}

TEST_P(CertificatesContract, RefusesWhatNobodyCouldUse) {
  const StoredCertificate bad[] = {
      {"", "chain", "sealed", "for", kInstalledAt},
      {std::string(kMaxCertificateDomain + 1, 'd'), "chain", "sealed", "for", kInstalledAt},
      {"a.example", "", "sealed", "for", kInstalledAt},
      {"a.example", std::string(kMaxStoredChain + 1, 'c'), "sealed", "for", kInstalledAt},
      {"a.example", "chain", "", "for", kInstalledAt},
      {"a.example", "chain", std::string(kMaxSealedKey + 1, 'k'), "for", kInstalledAt},
      {"a.example", "chain", "sealed", "", kInstalledAt},
  };
  for (const StoredCertificate& one : bad) {
    const Result<void> put = certificates_.put(one);
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().failure, Failure::permanent);
  }
  EXPECT_TRUE(certificates_.list()->empty());
}

TEST_P(CertificatesContract, AllAreCopied) {
  const std::unique_ptr<CertificateStore> to = on_sqlite();
  ASSERT_TRUE(certificates_.put(mail_));
  EXPECT_EQ(copy_certificates(certificates_, *to->first).value(), 1U);
  EXPECT_EQ(copy_certificates(certificates_, *to->first).value(), 1U);  // again
  EXPECT_EQ(to->second->find(mail_.domain).value(), mail_);
}

INSTANTIATE_TEST_SUITE_P(BackEnds, CertificatesContract,
                         testing::Values(CertificatesOn{"sqlite", on_sqlite},
                                         CertificatesOn{"mariadb", on_mariadb}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace toast::auth
