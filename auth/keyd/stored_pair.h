// A certificate and its private key, from two files or from a row of the database: checked, and
// refused with the reason in an administrator's words.
#pragma once

#include <memory>
#include <string>

#include "auth/keyd/sealing.h"
#include "auth/keyd/stored_messages.h"
#include "base/clock.h"
#include "base/tls/certificate.h"

namespace toast::keyd {

struct Pair {
  std::string folder;  // below tls/, or the name in the database; empty: of tls/ itself
  tls::Certificate certificate;
  std::shared_ptr<const tls::PrivateKey> key;
};

[[nodiscard]] Result<Pair> read_pair(const std::string& certificate_file,
                                     const std::string& key_file);
// Refuses more than files are refused for: the database is written from other hosts, so a
// certificate that has expired, or does not name what it is stored for, is not used.
[[nodiscard]] Result<Pair> open_stored(const StoredRow& row, const SealingKey& key, WallTime now);

// Is it for clients that ask for this name?
bool names_host(const tls::Certificate& certificate, const std::string& name);

}  // namespace toast::keyd
