// What keyd signs and what not, and which files it serves.
#include "auth/keyd/keyd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/fd.h"
#include "base/tls/server.h"
#include "tests/unit/auth/run_task.h"

namespace toast::keyd {
namespace {

using Scheme = tls::SignatureScheme;

std::string verify_text(std::string_view side, std::size_t hash_bytes) {
  std::string text = std::string(64, ' ') + "TLS 1.3, " + std::string(side) + " CertificateVerify";
  text.push_back('\0');
  return text + std::string(hash_bytes, 'h');
}
std::string exchange_text(char type, char curve, std::size_t point_bytes) {
  std::string text(64, 'r');
  text.push_back(type);
  text.push_back('\0');
  text.push_back(curve);
  text.push_back(static_cast<char>(point_bytes));
  return text + std::string(point_bytes, 'p');
}

TEST(TlsShape, HandshakesOnly) {
  struct Row {
    const char* what;
    std::string text;
    Scheme scheme;
    bool allowed;
  };
  const Row rows[] = {
      {"1.3, SHA-256", verify_text("server", 32), Scheme::ecdsa_sha256, true},
      {"1.3, SHA-384", verify_text("server", 48), Scheme::rsa_pss_sha256, true},
      {"1.3 signs no PKCS#1", verify_text("server", 32), Scheme::rsa_pkcs1_sha256, false},
      {"as a client", verify_text("client", 32), Scheme::ecdsa_sha256, false},
      {"another hash size", verify_text("server", 33), Scheme::ecdsa_sha256, false},
      {"1.2, P-256", exchange_text(3, 23, 65), Scheme::ecdsa_sha256, true},
      {"1.2, X25519", exchange_text(3, 29, 32), Scheme::rsa_pkcs1_sha256, true},
      {"1.2, short point", exchange_text(3, 23, 64), Scheme::ecdsa_sha256, false},
      {"1.2, explicit curve", exchange_text(1, 23, 65), Scheme::ecdsa_sha256, false},
      {"1.2, unknown curve", exchange_text(3, 99, 65), Scheme::ecdsa_sha256, false},
      {"1.2 and more", exchange_text(3, 29, 32) + "x", Scheme::ecdsa_sha256, false},
      {"DKIM", "from:ann@example.org\r\nsubject:hello\r\n", Scheme::rsa_pkcs1_sha256, false},
      {"a digest", std::string(32, 'd'), Scheme::ecdsa_sha256, false},
      {"nothing", "", Scheme::ecdsa_sha256, false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(is_tls_handshake(row.text, row.scheme), row.allowed) << row.what;
}

class KeydTest : public testing::Test {
 protected:
  KeydTest() {
    char name[] = "/tmp/keyd-XXXXXX";
    folder_ = ::mkdtemp(name);
    install("", "mx.example.test");
  }
  ~KeydTest() override { std::filesystem::remove_all(folder_); }
  void install(const std::string& below, const std::string& host) {
    const tls::PemPair pair = tls::make_self_signed(host, clock_.wall()).value();
    write(below, "cert.pem", pair.certificate);
    write(below, "key.pem", pair.key);
  }
  void write(const std::string& below, const std::string& file, const std::string& text) {
    std::filesystem::create_directories(folder_ + "/" + below);
    ASSERT_TRUE(replace_file(folder_ + "/" + below + "/" + file, text, 0600));
  }
  Keyd& keyd() {
    if (!keyd_)
      keyd_ = std::make_unique<Keyd>(io_.get_executor(), folder_, clock_, random_, log_, metrics_);
    return *keyd_;
  }
  // As authd brings it from the database.
  StoredRow stored(const std::string& domain, const SealingKey& key, const std::string& host) {
    tls::PemPair pair = tls::make_self_signed(host, clock_.wall()).value();
    return {domain, pair.certificate, key.seal(Secret::take(pair.key))};
  }
  SealingKey make_sealing_key() {
    SealingKey key = SealingKey::make(random_);
    write("", std::string(kSealingFile), std::string(key.text().view()));
    return key;
  }
  std::uint64_t unusable() { return metrics_.gauge("keyd.certificates.unusable").value(); }
  GetCertificates::Reply page(std::uint32_t from = 0) {
    auto task = keyd().answer({0, from});
    return run_task(io_, std::move(task)).value();
  }
  std::string sign(const std::string& text, Scheme scheme = Scheme::ecdsa_sha256) {
    Sign request{page().page.at(0).key_id, scheme, text};
    Result<Sign::Reply> reply = keyd().sign("toast-smtpd.0", allowance_, request);
    return reply ? "signed" : reply.error().detail;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  SilentLogger log_;
  Metrics metrics_;
  asio::io_context io_;
  std::string folder_;
  std::unique_ptr<Keyd> keyd_;
  Allowance allowance_{clock_.steady()};
};

TEST_F(KeydTest, SignsHandshakesAndNothingElse) {
  keyd().load("mx.example.test");
  EXPECT_EQ(sign(verify_text("server", 32)), "signed");
  EXPECT_EQ(sign("from:ann@example.org"), "keyd: what is to be signed is no TLS handshake");
  EXPECT_EQ(sign(exchange_text(3, 29, 32), Scheme::rsa_pkcs1_sha256),
            "keyd: signature scheme of another kind of key");
  EXPECT_EQ(sign(exchange_text(3, 29, 32), static_cast<Scheme>(0x0201)),  // SHA-1
            "keyd: unknown signature scheme");
}

TEST_F(KeydTest, StopsWhoAsksForTooMuch) {
  keyd().load("mx.example.test");
  int signed_now = 0;
  while (signed_now < 2 * kSignaturesPerSecond && allowance_.take(clock_.steady())) ++signed_now;
  EXPECT_EQ(signed_now, kSignaturesPerSecond);
  EXPECT_EQ(sign(verify_text("server", 32)), "keyd: too many signatures at once");
  clock_.advance(std::chrono::milliseconds(10));
  EXPECT_EQ(sign(verify_text("server", 32)), "signed");
}

TEST_F(KeydTest, ServesFrontEndsOnly) {
  EXPECT_NE(keyd().dispatcher_for("toast-smtpd.0"), nullptr);
  EXPECT_NE(keyd().dispatcher_for("toast-pop3d.11"), nullptr);
  EXPECT_NE(keyd().dispatcher_for("toast-authd.0"), nullptr);  // brings certificates
  EXPECT_EQ(keyd().dispatcher_for("toast-queued.0"), nullptr);
}

TEST_F(KeydTest, OneCertificateForEachFolder) {
  install("example.org", "mail.example.org");
  install("example.net", "example.org");  // its certificate names another folder's host
  keyd().load("mx.example.test");
  const GetCertificates::Reply all = page();
  ASSERT_EQ(all.page.size(), 3U);
  EXPECT_THAT(all.page[0].names, testing::ElementsAre("mx.example.test"));
  EXPECT_THAT(all.page[1].names, testing::ElementsAre("example.net"));
  EXPECT_THAT(all.page[2].names, testing::ElementsAre("example.org", "mail.example.org"));
  EXPECT_EQ(page(2).page.size(), 1U);
  EXPECT_EQ(page(3).page.size(), 0U);
}

TEST_F(KeydTest, TheOwnNamesFolderIsTheDefault) {
  install("mx.example.test", "mx.example.test");
  install("aaa.example", "aaa.example");
  keyd().load("mx.example.test");
  EXPECT_THAT(page().page.at(0).names, testing::ElementsAre("mx.example.test"));
  EXPECT_EQ(page().total, 3U);
}

TEST_F(KeydTest, ABadPairDoesNotTakeAwayAGoodOne) {
  install("example.org", "example.org");
  keyd().load("mx.example.test");
  const std::string before = page().page.at(1).key_id;
  write("example.org", "key.pem", tls::make_self_signed("x", clock_.wall()).value().key);
  keyd().load("mx.example.test");
  ASSERT_EQ(page().page.size(), 2U);
  EXPECT_EQ(page().page[1].key_id, before);
  EXPECT_EQ(metrics_.gauge("keyd.certificates.unusable").value(), 1U);
  keyd().load("mx.example.test");
  EXPECT_EQ(metrics_.gauge("keyd.certificates.unusable").value(), 1U) << "read once, still bad";
  install("example.org", "example.org");
  keyd().load("mx.example.test");
  EXPECT_EQ(metrics_.gauge("keyd.certificates.unusable").value(), 0U);
  EXPECT_NE(page().page.at(1).key_id, before);
  // A handshake that began with the old one may still come to its end.
  EXPECT_TRUE(
      keyd().sign("p", allowance_, {before, Scheme::ecdsa_sha256, verify_text("server", 32)}));
}

TEST_F(KeydTest, WhoKnowsAllWaitsForNews) {
  keyd().load("mx.example.test");
  const std::uint64_t known = page().generation;
  Started<Result<GetCertificates::Reply>> waiting(io_, keyd().answer({known, 0}));
  run_ready(io_);
  EXPECT_FALSE(waiting.ready());
  keyd().load("mx.example.test");  // nothing has changed
  run_ready(io_);
  EXPECT_FALSE(waiting.ready());
  install("example.org", "example.org");
  keyd().load("mx.example.test");
  run_ready(io_);
  ASSERT_TRUE(waiting.ready());
  EXPECT_EQ(waiting.value()->total, 2U);
}

TEST_F(KeydTest, TicketKeysRotate) {
  const auto read = [this] {
    GetTicketKeys::Reply reply = keyd().ticket_keys().value();
    return read_all(reply.descriptor, 4096, "pipe").value();
  };
  const std::string first = read();
  EXPECT_EQ(first.size(), tls::kTicketSecretBytes);
  keyd().rotate_ticket_keys();
  const std::string second = read();
  EXPECT_EQ(second.size(), 2 * tls::kTicketSecretBytes);
  EXPECT_EQ(second.substr(tls::kTicketSecretBytes), first);  // still opens
  keyd().rotate_ticket_keys();
  EXPECT_EQ(read().find(first), std::string::npos);
}

TEST_F(KeydTest, CertificatesOfTheDatabaseComeAndGo) {
  const SealingKey key = make_sealing_key();
  install("file.example", "file.example");
  keyd().load("mx.example.test");
  EXPECT_FALSE(keyd().knows_stored(7));
  keyd().take_stored(7, {stored("data.example", key, "data.example"),
                         stored("file.example", key, "file.example")});
  EXPECT_TRUE(keyd().knows_stored(7));
  ASSERT_EQ(page().total, 3U) << "one folder and one row have the same name";
  EXPECT_THAT(page().page[1].names, testing::ElementsAre("data.example"));
  EXPECT_EQ(unusable(), 0U);
  const std::string id = page().page[1].key_id;
  EXPECT_TRUE(keyd().sign("p", allowance_, {id, Scheme::ecdsa_sha256, verify_text("server", 32)}));
  const std::uint64_t known = page().generation;
  keyd().load("mx.example.test");
  EXPECT_EQ(page().generation, known) << "nothing has changed";
  keyd().take_stored(8, {});
  EXPECT_EQ(page().total, 2U);
}

TEST_F(KeydTest, TheFolderComesBeforeTheDatabase) {
  const SealingKey key = make_sealing_key();
  install("a.example", "a.example");
  keyd().load("mx.example.test");
  const std::string by_file = page().page.at(1).key_id;
  keyd().take_stored(1, {stored("a.example", key, "a.example")});
  ASSERT_EQ(page().total, 2U);
  EXPECT_EQ(page().page[1].key_id, by_file);
  std::filesystem::remove_all(folder_ + "/a.example");
  keyd().load("mx.example.test");
  ASSERT_EQ(page().total, 2U);
  EXPECT_NE(page().page[1].key_id, by_file);
}

TEST_F(KeydTest, ABadRowIsRefusedAndTheOthersServed) {
  const SealingKey key = make_sealing_key();
  const SealingKey other = SealingKey::make(random_);
  const StoredRow good = stored("good.example", key, "good.example");
  StoredRow damaged = stored("damaged.example", key, "damaged.example");
  damaged.sealed_key.replace(damaged.sealed_key.size() / 2, 4, "AAAA");
  StoredRow no_chain = stored("chain.example", key, "chain.example");
  no_chain.chain.resize(no_chain.chain.size() / 2);
  StoredRow mismatched = stored("mismatched.example", key, "mismatched.example");
  mismatched.sealed_key = good.sealed_key;
  const StoredRow bad[] = {
      damaged,
      no_chain,
      mismatched,
      stored("another.example", other, "another.example"),  // sealed for another node
      stored("named.example", key, "else.example"),         // of another host
      {"short.example", good.chain, "AAAA"},
      {"", stored("x", key, "x").chain, good.sealed_key},  // must not become the default
      {"nothing.example", "", ""},
  };
  keyd().load("mx.example.test");
  const std::string by_default = page().page.at(0).key_id;
  std::vector<StoredRow> rows(std::begin(bad), std::end(bad));
  rows.push_back(good);
  keyd().take_stored(1, rows);
  ASSERT_EQ(page().total, 2U);
  EXPECT_EQ(page().page[0].key_id, by_default);
  EXPECT_THAT(page().page[1].names, testing::ElementsAre("good.example"));
  // The empty name is the folder's own, so it is not even looked at.
  EXPECT_EQ(unusable(), std::size(bad) - 1);
}

TEST_F(KeydTest, WhatHasExpiredIsNotTakenFromTheDatabase) {
  const SealingKey key = make_sealing_key();
  const StoredRow row = stored("a.example", key, "a.example");
  clock_.advance(std::chrono::hours(24 * 3660));
  keyd().take_stored(1, {row});
  EXPECT_EQ(page().total, 1U);
  EXPECT_EQ(unusable(), 1U);
}

TEST_F(KeydTest, ABadRowDoesNotTakeAwayAGoodOne) {
  const SealingKey key = make_sealing_key();
  const StoredRow good = stored("a.example", key, "a.example");
  keyd().take_stored(1, {good});
  const std::string before = page().page.at(1).key_id;
  StoredRow bad = good;
  bad.sealed_key = "AAAA";
  keyd().take_stored(2, {bad});
  ASSERT_EQ(page().total, 2U);
  EXPECT_EQ(page().page[1].key_id, before);
  EXPECT_EQ(unusable(), 1U);
}

// As when tls/database.key is copied from another node, and toastd told.
TEST_F(KeydTest, RowsAreTriedAgainWhenTheSealingKeyArrives) {
  const SealingKey key = SealingKey::make(random_);
  keyd().load("mx.example.test");
  keyd().take_stored(1, {stored("a.example", key, "a.example")});
  EXPECT_EQ(page().total, 1U);
  write("", std::string(kSealingFile), std::string(key.text().view()));
  keyd().load("mx.example.test");
  EXPECT_EQ(page().total, 2U);
  EXPECT_EQ(unusable(), 0U);
}

TEST(Sealing, OpensWhatWasSealedAndNothingElse) {
  SeededRandom random{1};
  const SealingKey key = SealingKey::make(random);
  const SealingKey same = SealingKey::parse(key.text().view()).value();
  EXPECT_EQ(same.public_key(), key.public_key());
  const std::string sealed = key.seal(Secret("secret"));
  EXPECT_EQ(sealed.find("secret"), std::string::npos);
  EXPECT_TRUE(same.open(sealed).value().equals("secret"));
  EXPECT_FALSE(SealingKey::make(random).open(sealed));
  for (const char* bad : {"", "AAAA", "not base64"}) {
    EXPECT_FALSE(key.open(bad)) << bad;
    EXPECT_FALSE(SealingKey::parse(bad)) << bad;
  }
}

TEST_F(KeydTest, CountsWhatExpires) {
  keyd().load("mx.example.test");
  EXPECT_EQ(metrics_.gauge("keyd.certificates.expiring").value(), 0U);
  clock_.advance(std::chrono::hours(24 * 3640));  // made for 3650 days
  keyd().load("mx.example.test");
  EXPECT_EQ(metrics_.gauge("keyd.certificates.expiring").value(), 1U);
  EXPECT_EQ(metrics_.gauge("keyd.certificates.expired").value(), 0U);
  clock_.advance(std::chrono::hours(24 * 20));
  keyd().load("mx.example.test");
  EXPECT_EQ(metrics_.gauge("keyd.certificates.expired").value(), 1U);
}

TEST(CertificateFile, SaysWhatIsWrong) {
  const tls::PemPair pair = tls::make_self_signed("mx.test", WallTime{}).value();
  const tls::PemPair other = tls::make_self_signed("mx.test", WallTime{}).value();
  const auto why = [](const auto& result) { return result ? "" : result.error().detail; };
  EXPECT_THAT(why(tls::parse_certificate("")), testing::HasSubstr("no certificate in it"));
  EXPECT_THAT(why(tls::parse_certificate(pair.key)), testing::HasSubstr("no certificate in it"));
  std::string damaged = pair.certificate;
  damaged.replace(damaged.size() / 2, 3, "@@@");
  EXPECT_THAT(why(tls::parse_certificate(damaged)), testing::HasSubstr("damaged"));
  EXPECT_EQ(why(tls::parse_certificate(pair.certificate + pair.certificate)), "");  // signs itself
  EXPECT_THAT(why(tls::PrivateKey::parse(pair.certificate)), testing::HasSubstr("no private key"));
  const tls::Certificate certificate = tls::parse_certificate(pair.certificate).value();
  EXPECT_EQ(certificate.key_type, "EC P-256");
  EXPECT_TRUE(certificate.self_signed);
  EXPECT_EQ(tls::PrivateKey::parse(pair.key)->key_id(), certificate.key_id);
  EXPECT_NE(tls::PrivateKey::parse(other.key)->key_id(), certificate.key_id);
}

}  // namespace
}  // namespace toast::keyd
