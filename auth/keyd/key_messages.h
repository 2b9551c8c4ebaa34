// smtpd, pop3d -> keyd: which certificates are there, which keys seal session tickets, sign this.
// Private keys never travel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "auth/keyd/tls_shape.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/ipc.h"
#include "base/tls/signing.h"

namespace toast::keyd {

inline constexpr std::size_t kKeyIdBytes = 32;
inline constexpr std::size_t kMaxNames = 1000;  // of one certificate
inline constexpr std::size_t kMaxName = 255;
inline constexpr std::size_t kMaxChain = 10;
inline constexpr std::size_t kMaxDer = 64UL * 1024;
inline constexpr std::size_t kMaxSignature = 1024;       // RSA of 8192 bits
inline constexpr std::size_t kMaxPage = 1000;            // certificates in one answer...
inline constexpr std::size_t kPageBytes = 256UL * 1024;  // ...and how many bytes end it
inline constexpr std::size_t kMaxTicketKeys = 2;

struct OfferedCertificate {
  std::string key_id;
  std::vector<std::string> chain;
  std::vector<std::string> names;

  void encode(Encoder& e) const {
    const auto text = [](Encoder& out, const std::string& one) { out.bytes(one); };
    e.bytes(key_id);
    e.list(chain, text);
    e.list(names, text);
  }
  static OfferedCertificate decode(Decoder& d) {
    OfferedCertificate one;
    one.key_id = d.string(kKeyIdBytes);
    one.chain = d.list(kMaxChain, [](Decoder& in) { return in.string(kMaxDer); });
    one.names = d.list(kMaxNames, [](Decoder& in) { return in.string(kMaxName); });
    return one;
  }
};

// "Is there something that I have not got?" With `from` 0 it is answered when there is, or after
// kWatchTime; the generation says whether. Several pages of one generation make a whole.
struct GetCertificates {
  static constexpr std::uint16_t kType = 1;
  struct Reply {
    std::uint64_t generation = 0;
    std::uint32_t total = 0;
    std::vector<OfferedCertificate> page;  // beginning with number `from`
    void encode(Encoder& e) const {
      e.u64(generation);
      e.u32(total);
      e.list(page, [](Encoder& out, const OfferedCertificate& one) { one.encode(out); });
    }
    static Reply decode(Decoder& d) {
      Reply reply;
      reply.generation = d.u64();
      reply.total = d.u32();
      reply.page = d.list(kMaxPage, [](Decoder& in) { return OfferedCertificate::decode(in); });
      return reply;
    }
  };
  std::uint64_t known = 0;
  std::uint32_t from = 0;

  void encode(Encoder& e) const {
    e.u64(known);
    e.u32(from);
  }
  static GetCertificates decode(Decoder& d) {
    GetCertificates m;
    m.known = d.u64();
    m.from = d.u32();
    return m;
  }
};

// The keys are in a pipe, so that no buffer of a channel ever holds them: `count` times
// tls::kTicketSecretBytes.
struct GetTicketKeys {
  static constexpr std::uint16_t kType = 2;
  struct Reply {
    std::uint8_t count = 0;
    Fd descriptor;
    void encode(Encoder& e) const { e.u8(count); }
    static Reply decode(Decoder& d) {
      Reply reply;
      reply.count = d.u8();
      if (reply.count > kMaxTicketKeys) d.fail("too many ticket keys");
      return reply;
    }
  };
  void encode(Encoder&) const {}
  static GetTicketKeys decode(Decoder&) { return {}; }
};

struct Sign {
  static constexpr std::uint16_t kType = 3;
  struct Reply {
    std::string signature;
    void encode(Encoder& e) const { e.bytes(signature); }
    static Reply decode(Decoder& d) { return {d.string(kMaxSignature)}; }
  };
  std::string key_id;
  tls::SignatureScheme scheme = tls::SignatureScheme::ecdsa_sha256;
  std::string text;

  void encode(Encoder& e) const {
    e.bytes(key_id);
    e.u16(static_cast<std::uint16_t>(scheme));
    e.bytes(text);
  }
  static Sign decode(Decoder& d) {
    Sign m;
    m.key_id = d.string(kKeyIdBytes);
    m.scheme = static_cast<tls::SignatureScheme>(d.u16());  // one that nobody knows is refused
    m.text = d.string(kMaxSignedText);
    return m;
  }
};

}  // namespace toast::keyd
