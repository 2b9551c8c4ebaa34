#include "auth/keyd/stored_pair.h"

#include <algorithm>

#include "base/fd.h"
#include "base/secret.h"

namespace toast::keyd {

Result<Pair> read_pair(const std::string& certificate_file, const std::string& key_file) {
  Result<std::string> certificate_text = read_file(certificate_file, tls::kMaxCertificateFile);
  if (!certificate_text) return pass(certificate_text);
  Result<tls::Certificate> certificate = tls::parse_certificate(*certificate_text);
  if (!certificate) return pass(certificate, certificate_file);
  Result<std::string> key_text = read_file(key_file, tls::kMaxKeyFile);
  if (!key_text) return pass(key_text);
  const Secret key_bytes = Secret::take(*key_text);
  Result<tls::PrivateKey> key = tls::PrivateKey::parse(key_bytes.view());
  if (!key) return pass(key, key_file);
  if (key->key_id() != certificate->key_id)
    return permanent(key_file + " is not the key of the certificate in " + certificate_file);
  return Pair{
      {}, std::move(*certificate), std::make_shared<const tls::PrivateKey>(std::move(*key))};
}

bool names_host(const tls::Certificate& certificate, const std::string& name) {
  if (name.empty()) return false;  // what the pair of tls/ itself is called
  const std::size_t dot = std::min(name.find('.'), name.size());
  const std::string wildcard = "*" + name.substr(dot);
  return std::any_of(certificate.names.begin(), certificate.names.end(),
                     [&](const std::string& one) { return one == name || one == wildcard; });
}

Result<Pair> open_stored(const StoredRow& row, const SealingKey& key, WallTime now) {
  Result<tls::Certificate> certificate = tls::parse_certificate(row.chain);
  if (!certificate) return pass(certificate, "its chain");
  if (certificate->not_after <= now) return permanent("the certificate has expired");
  if (!names_host(*certificate, row.domain))
    return permanent("the certificate does not name " + row.domain);
  Result<Secret> opened = key.open(row.sealed_key);
  if (!opened) return pass(opened);
  Result<tls::PrivateKey> private_key = tls::PrivateKey::parse(opened->view());
  if (!private_key) return pass(private_key, "its private key");
  if (private_key->key_id() != certificate->key_id)
    return permanent("its private key is not that of its certificate");
  return Pair{row.domain, std::move(*certificate),
              std::make_shared<const tls::PrivateKey>(std::move(*private_key))};
}

}  // namespace toast::keyd
