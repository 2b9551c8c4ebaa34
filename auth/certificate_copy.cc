#include "auth/certificate_repository.h"

namespace toast::auth {

Result<std::uint64_t> copy_certificates(CertificateRepository& from, CertificateRepository& to) {
  Result<std::vector<CertificateVersion>> all = from.list();
  if (!all) return pass(all);
  std::uint64_t count = 0;
  for (const CertificateVersion& version : *all) {
    Result<std::optional<StoredCertificate>> one = from.find(version.domain);
    if (!one) return pass(one);
    if (!*one) continue;  // removed since it was listed
    if (Result<void> put = to.put(**one); !put)
      return pass(put, "certificate of " + version.domain);
    Result<std::optional<StoredCertificate>> copied = to.find(version.domain);
    if (!copied) return pass(copied);
    if (*copied != *one)
      return transient("certificate of " + version.domain +
                       ": what was written is not what is read back");
    ++count;
  }
  return count;
}

}  // namespace toast::auth
