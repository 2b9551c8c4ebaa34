// Handshakes of OpenSSL's own client with our server, whose key is elsewhere: versions, names,
// tickets, and a keeper that answers late, wrongly or never.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/random.h"
#include "base/tls/certificate.h"
#include "base/tls/server.h"

namespace toast::tls {
namespace {

struct Host {
  ServedCertificate served;
  std::shared_ptr<const PrivateKey> key;
};

Host make_host(const std::string& name) {
  const PemPair pair = make_self_signed(name, SystemClock().wall()).value();
  const Certificate certificate = parse_certificate(pair.certificate).value();
  return {{certificate.key_id, certificate.chain, {name}},
          std::make_shared<const PrivateKey>(PrivateKey::parse(pair.key).value())};
}

struct Outcome {
  Progress server = Progress::need_more;
  Progress client = Progress::need_more;
  std::string version;
  std::string shown;  // the subject of the certificate that the client got
  int signatures = 0;
  bool resumed = false;
  bool is_bound = false;
  std::string failure;
};

class Handshake : public testing::Test {
 protected:
  Handshake() {
    EXPECT_TRUE(prepare_server());
    server_ = Server::make("test").value();
    EXPECT_TRUE(server_->use({first_.served, second_.served}).empty());
    client_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_session_cache_mode(client_.get(), SSL_SESS_CACHE_CLIENT);
  }
  std::unique_ptr<Engine> client_engine(const std::string& name) {
    SslHandle ssl(SSL_new(client_.get()));
    raw_ = ssl.get();
    SSL_set_connect_state(raw_);
    if (!name.empty()) SSL_set_tlsext_host_name(raw_, name.c_str());
    if (session_) SSL_set_session(raw_, session_.get());
    return std::make_unique<Engine>(std::move(ssl));
  }
  Result<std::string> sign(const SignatureRequest& request) const {
    if (keeper_is_away_) return transient("toast-keyd is not running");
    for (const Host* host : {&first_, &second_})
      if (host->served.key_id == request.key_id)
        return host->key->sign(request.scheme, request.text);
    return transient("no such key");
  }
  Outcome shake(const std::string& name = "", Floor floor = Floor::tls12) {
    Outcome out;
    std::unique_ptr<Engine> server = server_->begin(floor);
    std::unique_ptr<Engine> client = client_engine(name);
    std::string to_server;
    std::string to_client;
    const auto over = [](Progress p) { return p == Progress::done || p == Progress::failed; };
    for (int turn = 0; turn < 20 && !(over(out.server) && over(out.client)); ++turn) {
      if (!over(out.client)) out.client = client->handshake(std::exchange(to_client, {}));
      to_server += std::exchange(client->output(), {});
      if (!over(out.server)) out.server = server->handshake(std::exchange(to_server, {}));
      while (out.server == Progress::needs_signature) {
        ++out.signatures;
        server->give_signature(sign(server->signature_wanted()));
        out.server = server->handshake({});
      }
      to_client += std::exchange(server->output(), {});
    }
    out.failure = server->failure();
    if (out.client != Progress::done || out.server != Progress::done) return out;
    std::array<char, 100> plain{};
    EXPECT_TRUE(client->read(to_client, plain));  // the ticket
    out.version = client->protocol();
    out.resumed = client->resumed();
    EXPECT_EQ(client->channel_binding(), server->channel_binding());
    out.is_bound = !server->channel_binding().empty();
    if (X509* shown = SSL_get0_peer_certificate(raw_)) {
      char text[100];
      X509_NAME_oneline(X509_get_subject_name(shown), text, sizeof text);
      out.shown = text;
    }
    session_.reset(SSL_get1_session(raw_));
    return out;
  }
  void use_ticket_keys(std::initializer_list<int> seeds) {
    std::vector<Secret> keys;
    for (const int seed : seeds) {
      SeededRandom random(static_cast<std::uint64_t>(seed));
      keys.push_back(Secret::random(random, kTicketSecretBytes));
    }
    server_->use_ticket_keys(std::move(keys));
  }

  const Host first_ = make_host("mx.example.test");
  const Host second_ = make_host("mail.example.org");
  std::unique_ptr<Server> server_;
  ContextHandle client_;
  SessionHandle session_;
  SSL* raw_ = nullptr;
  bool keeper_is_away_ = false;
};

TEST_F(Handshake, BothVersionsWithOneSignature) {
  const Outcome newest = shake();
  EXPECT_EQ(newest.version, "TLSv1.3") << newest.failure;
  EXPECT_EQ(newest.signatures, 1);
  session_.reset();
  SSL_CTX_set_max_proto_version(client_.get(), TLS1_2_VERSION);
  const Outcome older = shake();
  EXPECT_EQ(older.version, "TLSv1.2") << older.failure;
  EXPECT_EQ(older.signatures, 1);
  EXPECT_TRUE(newest.is_bound && older.is_bound);
  SSL_CTX_set_options(client_.get(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
  session_.reset();
  EXPECT_FALSE(shake().is_bound);  // two connections could be made to share their secret
}

TEST_F(Handshake, RsaKeysToo) {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048});
  X509* made = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(made), -60);
  X509_gmtime_adj(X509_getm_notAfter(made), 3600);
  X509_set_pubkey(made, key);
  X509_sign(made, key, EVP_sha256());
  BIO* pem = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(pem, made);
  PEM_write_bio_PrivateKey(pem, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* start = nullptr;
  const long size = BIO_get_mem_data(pem, &start);
  const std::string both(start, static_cast<std::size_t>(size));
  BIO_free(pem);
  X509_free(made);
  EVP_PKEY_free(key);
  const Certificate certificate = parse_certificate(both).value();
  EXPECT_EQ(certificate.key_type, "RSA 2048");
  const PrivateKey signer = PrivateKey::parse(both).value();
  ASSERT_TRUE(server_->use({{certificate.key_id, certificate.chain, {"mx"}}}).empty());
  for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
    SSL_CTX_set_max_proto_version(client_.get(), version);
    std::unique_ptr<Engine> server = server_->begin(Floor::tls12);
    std::unique_ptr<Engine> client = client_engine("");
    ASSERT_EQ(client->handshake({}), Progress::need_more);
    ASSERT_EQ(server->handshake(std::exchange(client->output(), {})), Progress::needs_signature);
    const SignatureRequest& wanted = server->signature_wanted();
    server->give_signature(signer.sign(wanted.scheme, wanted.text));
    EXPECT_EQ(server->handshake({}), Progress::need_more) << server->failure();
    EXPECT_NE(client->handshake(std::exchange(server->output(), {})), Progress::failed)
        << client->failure();
  }
}

TEST_F(Handshake, TheNameChoosesTheCertificate) {
  EXPECT_EQ(shake("mail.example.org").shown, "/CN=mail.example.org");
  session_.reset();
  EXPECT_EQ(shake("MAIL.Example.Org.").shown, "/CN=mail.example.org");
  session_.reset();
  EXPECT_EQ(shake("other.example").shown, "/CN=mx.example.test");
  session_.reset();
  EXPECT_EQ(shake("").shown, "/CN=mx.example.test");
}

TEST_F(Handshake, TheFloorHolds) {
  SSL_CTX_set_max_proto_version(client_.get(), TLS1_2_VERSION);
  EXPECT_EQ(shake("", Floor::tls13).server, Progress::failed);
  SSL_CTX_set_security_level(client_.get(), 0);
  SSL_CTX_set_max_proto_version(client_.get(), TLS1_1_VERSION);
  SSL_CTX_set_min_proto_version(client_.get(), TLS1_VERSION);
  EXPECT_EQ(shake("", Floor::tls12).server, Progress::failed);
}

TEST_F(Handshake, WithoutTheKeeperItFailsAndLaterItWorks) {
  keeper_is_away_ = true;
  const Outcome failed = shake();
  EXPECT_EQ(failed.server, Progress::failed);
  EXPECT_EQ(failed.client, Progress::failed);  // it was told: an alert, no silence
  EXPECT_EQ(failed.failure, "toast-keyd is not running");
  keeper_is_away_ = false;
  EXPECT_EQ(shake().server, Progress::done);
}

// A client that leaves while the keeper is asked: nothing is left behind (the sanitizers look).
TEST_F(Handshake, EndsWhileItWaits) {
  std::unique_ptr<Engine> server = server_->begin(Floor::tls12);
  std::unique_ptr<Engine> client = client_engine("");
  (void)client->handshake({});
  EXPECT_EQ(server->handshake(client->output()), Progress::needs_signature);
  server.reset();
  EXPECT_EQ(shake().server, Progress::done);
}

TEST_F(Handshake, TicketsOfTls13AreSharedByKey) {
  EXPECT_FALSE(shake().resumed);
  EXPECT_FALSE(shake().resumed) << "there were no ticket keys";
  use_ticket_keys({1});
  EXPECT_FALSE(shake().resumed);
  const Outcome again = shake();
  EXPECT_TRUE(again.resumed);
  EXPECT_EQ(again.signatures, 0);
  // Another process that was given the same keys.
  server_ = Server::make("test").value();
  server_->use({first_.served});
  use_ticket_keys({2, 1});
  EXPECT_TRUE(shake().resumed);
  use_ticket_keys({3, 2});
  EXPECT_TRUE(shake().resumed);
  use_ticket_keys({5, 4});
  EXPECT_FALSE(shake().resumed) << "both keys are gone";
  // Another service with the same keys.
  server_ = Server::make("other").value();
  server_->use({first_.served});
  use_ticket_keys({5, 4});
  EXPECT_FALSE(shake().resumed);
}

TEST_F(Handshake, NoTicketsOfTls12) {
  use_ticket_keys({1});
  SSL_CTX_set_max_proto_version(client_.get(), TLS1_2_VERSION);
  EXPECT_EQ(shake().version, "TLSv1.2");
  EXPECT_EQ(SSL_SESSION_has_ticket(session_.get()), 0);
  EXPECT_FALSE(shake().resumed);
}

TEST_F(Handshake, BrowsersAreTurnedAway) {
  const unsigned char web[] = "\x02h2\x08http/1.1";
  SSL_CTX_set_alpn_protos(client_.get(), web, sizeof web - 1);
  EXPECT_EQ(shake().server, Progress::failed);
  const unsigned char mail[] = "\x04pop3\x08http/1.1";
  SSL_CTX_set_alpn_protos(client_.get(), mail, sizeof mail - 1);
  EXPECT_EQ(shake().server, Progress::done);
}

TEST_F(Handshake, NoCertificateNoHandshake) {
  server_->use({});
  EXPECT_FALSE(server_->has_certificate());
  EXPECT_EQ(shake().server, Progress::failed);
  EXPECT_EQ(server_->use({{"id", {"no certificate"}, {"mx"}}}).size(), 1U);
  EXPECT_FALSE(server_->has_certificate());
}

}  // namespace
}  // namespace toast::tls
