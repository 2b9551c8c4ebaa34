// authd -> keyd: the certificates of the credentials' database, their private keys sealed. authd
// offers them again and again by a number; keyd says when it does not have those, and gets them
// anew, whole: OfferStored, StoredRow for each, StoredEnd.
#pragma once

#include <cstdint>
#include <string>

#include "auth/certificate_repository.h"
#include "base/codec.h"
#include "base/ipc.h"

namespace toast::keyd {

struct OfferStored {
  static constexpr std::uint16_t kType = 10;
  struct Reply {
    bool wanted = false;
    void encode(Encoder& e) const { e.boolean(wanted); }
    static Reply decode(Decoder& d) { return {d.boolean()}; }
  };
  std::uint64_t number = 0;
  void encode(Encoder& e) const { e.u64(number); }
  static OfferStored decode(Decoder& d) { return {d.u64()}; }
};

struct StoredRow {
  static constexpr std::uint16_t kType = 11;
  using Reply = ipc::Done;
  std::string domain;
  std::string chain;       // PEM
  std::string sealed_key;  // base64
  void encode(Encoder& e) const {
    e.bytes(domain);
    e.bytes(chain);
    e.bytes(sealed_key);
  }
  static StoredRow decode(Decoder& d) {
    StoredRow row;
    row.domain = d.string(auth::kMaxCertificateDomain);
    row.chain = d.string(auth::kMaxStoredChain);
    row.sealed_key = d.string(auth::kMaxSealedKey);
    return row;
  }
};

// These were all.
struct StoredEnd {
  static constexpr std::uint16_t kType = 12;
  using Reply = ipc::Done;
  std::uint64_t number = 0;
  void encode(Encoder& e) const { e.u64(number); }
  static StoredEnd decode(Decoder& d) { return {d.u64()}; }
};

}  // namespace toast::keyd
