// The certificates and private keys of an instance. As they lie in tls/:
//   tls/cert.pem, tls/key.pem          the one that init has made
//   tls/DOMAIN/cert.pem, key.pem       one for each name that an administrator has installed
// And those of the credentials' database, as authd brings them: a folder in tls/ comes before one
// of the same name there. Reads files of its own account only. A pair that cannot be used never
// takes away one that could: the one from before stays, and the log says why.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "auth/keyd/stored_pair.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/tls/certificate.h"

namespace toast::keyd {

inline constexpr std::string_view kCertificateFile = "cert.pem";
inline constexpr std::string_view kKeyFile = "key.pem";
inline constexpr std::size_t kMaxPairs = 20'000;
// A certificate that ends sooner is reported: ACME clients renew theirs a month before.
inline constexpr std::chrono::hours kExpiresSoon{24 * 21};

class KeyStore {
 public:
  // `own_name`: of this host; its pair is for clients that name nobody we know.
  KeyStore(std::string tls_folder, Logger& log) : folder_(std::move(tls_folder)), log_(log) {}

  // Reads what has changed. True: something is different now.
  bool load(const std::string& own_name, WallTime now);
  // What the database has, from the next load() on.
  void set_stored(std::vector<StoredRow> rows) { stored_ = std::move(rows); }
  // The default first.
  std::vector<const Pair*> pairs() const;
  // Names by which clients ask for this pair. No name of another folder is among them.
  std::vector<std::string> names_of(const Pair& pair) const;
  // Null: no such key. Those that the last load() has replaced are still here until the next one,
  // for handshakes that had begun.
  std::shared_ptr<const tls::PrivateKey> find(const std::string& key_id) const;
  std::size_t expiring(WallTime now) const;  // within kExpiresSoon, those that have expired too
  std::size_t expired(WallTime now) const;
  // Of whose folders the files cannot be used now, whether there is a pair from before or not.
  std::size_t unusable() const;

 private:
  struct Entry {
    std::shared_ptr<const Pair> pair;
    std::string fingerprint;  // of both files: same text, same content
    bool damaged = false;     // the files as they are now cannot be used
  };
  using Entries = std::map<std::string, Entry>;
  using Keys = std::map<std::string, std::shared_ptr<const tls::PrivateKey>>;

  std::vector<std::string> list_folders() const;
  Entry read_entry(const std::string& folder, const Entry* before) const;
  void open_stored_rows(WallTime now, Entries& next) const;
  Entry open_entry(const StoredRow& row, const Result<SealingKey>& key, const Entry* before,
                   WallTime now) const;
  Entry unusable_entry(const std::string& folder, const Error& why, std::string fingerprint,
                       const Entry* before) const;

  std::string folder_;
  Logger& log_;
  std::string default_;
  Entries entries_;
  Keys keys_;
  Keys replaced_;
  std::vector<StoredRow> stored_;
};

}  // namespace toast::keyd
