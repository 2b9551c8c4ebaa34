// SCRAM-SHA-256 alone: the vector of RFC 7677, what is stored, what is malformed; SASLprep.
#include "auth/sasl/scram.h"

#include <gtest/gtest.h>

#include "auth/sasl/mechanisms.h"
#include "auth/saslprep/saslprep.h"
#include "auth/service.h"
#include "auth/set_password.h"
#include "tests/contract/credentials/memory_credentials.h"
#include "tests/unit/auth/counting_hasher.h"
#include "tests/unit/auth/scram_client.h"

namespace toast::auth {
namespace {

using namespace std::string_literals;
using sasl::Scram;

const std::string kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string kFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO" + kServerNonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const std::string kFinal = "c=biws,r=rOprNGfwEbeRWgbNEkqO" + kServerNonce +
                           ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

ScramVerifier pencil() {
  return make_scram_verifier(Secret("pencil"),
                             std::string(base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==")->view()), 4096);
}

std::string show_scram(const sasl::Step& step) {
  if (const auto* challenge = std::get_if<sasl::Challenge>(&step)) return challenge->text;
  if (const auto* find = std::get_if<sasl::FindVerifier>(&step)) return "find " + find->login;
  if (const auto* proof = std::get_if<sasl::CheckProof>(&step))
    return (proof->right ? "right " : "wrong ") + proof->authorization + "|" + proof->login + " " +
           proof->server_final;
  if (const auto* refused = std::get_if<sasl::Refused>(&step))
    return "refused " + std::string(refused->reason);
  return "malformed";
}

TEST(Scram, TheVectorOfRfc7677) {
  Scram server({.plus = false, .binding = {}, .nonce = kServerNonce});
  EXPECT_EQ(show_scram(server.hear(kFirst)), "find user");
  EXPECT_EQ(show_scram(server.found(pencil())), kServerFirst);
  EXPECT_EQ(show_scram(server.hear(kFinal)),
            "right |user v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  EXPECT_EQ(show_scram(server.hear("")), "malformed");
}

// Our client of the other tests says what RFC 7677 says.
TEST(Scram, TheTestsClientIsRight) {
  ScramClient client{.name = "user", .password = "pencil", .nonce = "rOprNGfwEbeRWgbNEkqO"};
  EXPECT_EQ(client.first(), kFirst);
  EXPECT_EQ(client.final(kServerFirst), kFinal);
  EXPECT_EQ(client.expected_server_final(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, FirstMessages) {
  const struct {
    std::string message, expected;
  } kCases[] = {
      {"n,,n=ann,r=abc", "find ann"},
      {"y,,n=ann,r=abc", "find ann"},  // the client could bind; -PLUS is not offered here
      {"n,a=ann,n=ann,r=abc", "find ann"},
      {"n,,n=a=2Cb=3Dc,r=abc", "find a,b=c"},
      {"n,,n=ann,r=abc,x=later", "find ann"},  // an extension that may be passed over
      {"", "malformed"},
      {"n", "malformed"},
      {"n,,", "malformed"},
      {",,n=ann,r=abc", "malformed"},
      {"x,,n=ann,r=abc", "malformed"},
      {"p=tls-exporter,,n=ann,r=abc", "malformed"},  // without -PLUS
      {"n,ann,n=ann,r=abc", "malformed"},
      {"n,a=,n=ann,r=abc", "malformed"},
      {"n,,m=ext,n=ann,r=abc", "malformed"},
      {"n,,n=,r=abc", "malformed"},
      {"n,,n=a=b,r=abc", "malformed"},
      {"n,,n=a=2c,r=abc", "malformed"},
      {"n,,n=a=2,r=abc", "malformed"},
      {"n,,n=a\0b,r=abc"s, "malformed"},
      {"n,,n=" + std::string(kMaxLoginName + 1, 'n') + ",r=abc", "malformed"},
      {"n,,n=ann", "malformed"},
      {"n,,n=ann,r=", "malformed"},
      {"n,,n=ann,r=a b", "malformed"},
      {"n,,n=ann,r=a\x7f", "malformed"},
      {"n,,n=ann,r=" + std::string(sasl::kMaxScramNonce + 1, 'r'), "malformed"},
      {"n,,r=abc,n=ann", "malformed"},
  };
  for (const auto& c : kCases) {
    Scram server({.plus = false, .binding = {}, .nonce = "server"});
    EXPECT_EQ(show_scram(server.hear(c.message)), c.expected) << c.message;
  }
}

// RFC 5802 section 6.
TEST(Scram, WhatIsSaidOfChannelBindingMustBeSo) {
  const struct {
    bool plus;
    const char* message;
    const char* expected;
  } kCases[] = {
      {true, "p=tls-exporter,,n=ann,r=abc", "find ann"},
      {true, "p=tls-unique,,n=ann,r=abc", "malformed"},
      {true, "p=tls-server-end-point,,n=ann,r=abc", "malformed"},
      {true, "n,,n=ann,r=abc", "malformed"},
      {true, "y,,n=ann,r=abc", "malformed"},
      {false, "n,,n=ann,r=abc", "find ann"},
      // It can bind and saw no -PLUS, which was offered: somebody took it away.
      {false, "y,,n=ann,r=abc", "refused scram_downgraded"},
      {false, "p=tls-exporter,,n=ann,r=abc", "malformed"},
  };
  for (const auto& c : kCases) {
    Scram server({.plus = c.plus, .binding = "exported", .nonce = "server"});
    EXPECT_EQ(show_scram(server.hear(c.message)), c.expected) << c.plus << c.message;
  }
}

TEST(Scram, FinalMessages) {
  const std::string nonce = "rOprNGfwEbeRWgbNEkqO" + kServerNonce;
  const std::string proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  const struct {
    std::string message, expected;
  } kCases[] = {
      {"c=biws,r=" + nonce + ",p=" + proof, "right"},
      {"c=biws,r=" + nonce + ",p=" + base64_encode(std::string(32, 'x')), "wrong"},
      {"c=biws,r=" + nonce + ",x=ext,p=" + proof, "wrong"},  // it signs what it says
      {"c=eSws,r=" + nonce + ",p=" + proof, "refused scram_channel_binding"},  // y,,
      {"c=biwsYQ==,r=" + nonce + ",p=" + proof, "refused scram_channel_binding"},
      {"c=,r=" + nonce + ",p=" + proof, "refused scram_channel_binding"},
      {"", "malformed"},
      {"c=biws", "malformed"},
      {"c=biws,r=" + nonce, "malformed"},
      {"r=" + nonce + ",c=biws,p=" + proof, "malformed"},
      {"c=biws,r=" + nonce + ",p=" + proof.substr(1), "malformed"},
      {"c=biws,r=" + nonce + ",p=", "malformed"},
      {"c=biws,r=" + nonce + ",p=" + base64_encode("short"), "malformed"},
      {"c=biws,r=" + nonce + "x,p=" + proof, "malformed"},
      {"c=biws,r=rOprNGfwEbeRWgbNEkqO,p=" + proof, "malformed"},
      {"c=biws,r=" + kServerNonce + ",p=" + proof, "malformed"},
  };
  for (const auto& c : kCases) {
    Scram server({.plus = false, .binding = {}, .nonce = kServerNonce});
    server.hear(kFirst);
    server.found(pencil());
    const std::string got = show_scram(server.hear(c.message));
    EXPECT_EQ(got.substr(0, c.expected.size()), c.expected) << c.message;
  }
}

TEST(Scram, AProxyInBetweenHasAnotherChannel) {
  const auto log_in = [](const std::string& clients_channel) {
    Scram server({.plus = true, .binding = "the server's end", .nonce = "server"});
    ScramClient client{.name = "user",
                       .password = "pencil",
                       .gs2_header = "p=tls-exporter,,",
                       .binding = clients_channel};
    server.hear(client.first());
    const sasl::Step first = server.found(pencil());
    return show_scram(server.hear(client.final(std::get<sasl::Challenge>(first).text)));
  };
  EXPECT_TRUE(log_in("the server's end").starts_with("right"));
  EXPECT_EQ(log_in("the proxy's end"), "refused scram_channel_binding");
  EXPECT_EQ(log_in(""), "refused scram_channel_binding");
}

TEST(ScramVerifier, IsWrittenAndReadAgainBesideItsHash) {
  const ScramVerifier verifier = pencil();
  const std::string text = scram_text(verifier, "$argon2id$one");
  EXPECT_TRUE(text.starts_with("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"));
  EXPECT_LE(text.size(), kMaxScramBytes);
  const std::optional<ScramVerifier> read = parse_scram_text(text, "$argon2id$one");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->salt, verifier.salt);
  EXPECT_EQ(read->iterations, verifier.iterations);
  EXPECT_TRUE(read->stored_key == verifier.stored_key && read->server_key == verifier.server_key);
  EXPECT_FALSE(parse_scram_text(text, "$argon2id$two"));
  for (std::size_t cut = 0; cut < text.size(); ++cut)
    EXPECT_FALSE(parse_scram_text(text.substr(0, cut), "$argon2id$one")) << cut;
  for (const char* from : {"4096", "4096:W22Z"})
    for (const char* to : {"4095", "0", "-1", "10000001", "4096x", "99999999999999999999"}) {
      std::string other = text;
      other.replace(other.find(from), 4, to);
      EXPECT_FALSE(parse_scram_text(other, "$argon2id$one")) << other;
    }
}

TEST(ScramVerifier, InventionsStayWhatTheyAre) {
  const Secret key("k");
  const ScramVerifier one = invented_scram_verifier(key, "nobody@example.org");
  EXPECT_EQ(one.salt, invented_scram_verifier(key, "nobody@example.org").salt);
  EXPECT_EQ(one.salt.size(), kScramSaltBytes);
  EXPECT_EQ(one.iterations, kScramIterations);
  EXPECT_NE(one.salt, invented_scram_verifier(key, "noone@example.org").salt);
  EXPECT_NE(one.salt, invented_scram_verifier(Secret("l"), "nobody@example.org").salt);
}

TEST(SetPassword, KeepsWhatScramNeedsWhereItIsAsked) {
  MemoryCredentials credentials;
  CountingHasher hasher;
  SeededRandom random(3);
  ASSERT_TRUE(set_password(credentials, hasher, "ann", Secret("secret"), {}));
  EXPECT_EQ((*credentials.find("ann"))->scram, "");
  ASSERT_TRUE(set_password(credentials, hasher, "ann", Secret("secret"), {}, &random));
  const Credential kept = **credentials.find("ann");
  EXPECT_TRUE(parse_scram_text(kept.scram, kept.hash));
}

TEST(Saslprep, TheExamplesOfRfc4013) {
  const struct {
    std::string typed, prepared;
  } kCases[] = {
      {"I\xc2\xadX", "IX"},       // soft hyphen maps to nothing
      {"user", "user"},           // no change
      {"USER", "USER"},           // case stays
      {"\xc2\xaa", "a"},          // NFKC
      {"\xe2\x85\xa8", "IX"},     // NFKC
      {"u\xcc\x88", "\xc3\xbc"},  // u and a diaeresis
      {"\xc2\xa0", " "},          // another space
      {"", ""},
      {"\x07", "\x07"},  // forbidden: left as it is
      {"\xd8\xa7"
       "1",
       "\xd8\xa7"
       "1"},                     // forbidden by its direction
      {"\xfc", "\xfc"},          // Latin-1
      {"\xc2\xad", "\xc2\xad"},  // would be nothing at all
      {"a\0\xc3\xbc"s, "a\0\xc3\xbc"s},
  };
  for (const auto& c : kCases)
    EXPECT_EQ(std::string(saslprep(Secret(c.typed)).view()), c.prepared) << c.typed;
}

}  // namespace
}  // namespace toast::auth
