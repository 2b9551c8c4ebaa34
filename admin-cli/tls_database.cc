#include "admin-cli/tls_database.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "admin-cli/failure.h"
#include "admin-cli/mariadb.h"
#include "auth/keyd/sealing.h"
#include "auth/mariadb/certificates.h"
#include "auth/sqlite/certificates.h"
#include "base/codec.h"
#include "base/fd.h"
#include "base/settings_registry.h"

namespace toast::admin {
namespace {

using auth::StoredCertificate;

constexpr std::size_t kMaxOutput = 1UL << 30U;  // a database of certificates, and to spare

// What `work` makes as the owner, brought back to this process.
Result<std::string> output_of(const Owner& owner,
                              const std::function<Result<std::string>()>& work) {
  const Fd memory(::memfd_create("toastctl", MFD_CLOEXEC));
  if (!memory) return system_error("memfd_create", "");
  const auto write = [&]() -> Result<void> {
    Result<std::string> made = work();
    if (!made) return pass(made);
    return write_all(memory, *made, "what was read");
  };
  if (Result<void> done = run_as(owner, write); !done) return pass(done);
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return system_error("seek", "");
  return read_all(memory, kMaxOutput, "what was read");
}

void put_certificate(Encoder& e, const StoredCertificate& one) {
  e.bytes(one.domain);
  e.bytes(one.chain);
  e.bytes(one.sealed_key);
  e.bytes(one.sealed_for);
  e.i64(unix_microseconds(one.changed));
}

// What is over its limits in the database is listed, too: as unusable.
StoredCertificate get_certificate(Decoder& d) {
  StoredCertificate one;
  one.domain = d.string(kMaxOutput);
  one.chain = d.string(kMaxOutput);
  one.sealed_key = d.string(kMaxOutput);
  one.sealed_for = d.string(kMaxOutput);
  one.changed = WallTime{std::chrono::microseconds{d.i64()}};
  return one;
}

Result<std::string> read_everything(auth::CertificateRepository& store) {
  Result<std::vector<auth::CertificateVersion>> versions = store.list();
  if (!versions) return pass(versions);
  std::vector<StoredCertificate> all;
  for (const auth::CertificateVersion& version : *versions) {
    Result<std::optional<StoredCertificate>> one = store.find(version.domain);
    if (!one) return pass(one);
    if (*one) all.push_back(std::move(**one));
  }
  Encoder e;
  e.list(all, put_certificate);
  return std::string(e.view());
}

Result<keyd::SealingKey> key_for(const std::string& tls_folder, Random& random,
                                 const std::vector<StoredCertificate>& stored) {
  const std::string path = tls_folder + "/" + std::string(keyd::kSealingFile);
  const bool is_there = std::filesystem::exists(path);
  Result<keyd::SealingKey> key =
      is_there ? keyd::read_sealing_key(tls_folder) : keyd::SealingKey::make(random);
  if (!key) return key;
  for (const StoredCertificate& one : stored)
    if (!is_there || one.sealed_for != key->public_key())
      return permanent("the database has certificates for the sealing key of another node (" +
                       one.domain + "): copy its tls/" + std::string(keyd::kSealingFile) +
                       " here, or remove them");
  if (is_there) return key;
  if (Result<void> made = replace_file(path, key->text().view(), 0600); !made) return pass(made);
  return key;
}

bool is_same(const StoredCertificate& there, const std::string& domain, const std::string& chain,
             const Secret& key, const keyd::SealingKey& sealing) {
  if (there.domain != domain || there.chain != chain) return false;
  const Result<Secret> opened = sealing.open(there.sealed_key);
  return opened && *opened == key;
}

}  // namespace

Wanted<CertificateDatabase> CertificateDatabase::open(const Instance& instance,
                                                      const Clock& clock) {
  const Wanted<Owner> owner = instance.owner_of("db-auth");
  if (!owner) return tl::unexpected(owner.error());
  Open open = [path = instance.credentials_database()] {
    return std::make_unique<auth::SqliteCertificates>(path, sqlite::OpenOptions{});
  };
  if (is_on_mariadb(instance)) {
    const auto servers = mariadb_servers(instance, setting::credentialsdb, clock);
    if (!servers) return tl::unexpected(servers.error());
    open = [servers = *servers] { return std::make_unique<auth::MariadbCertificates>(servers); };
  }
  return CertificateDatabase(*owner, std::move(open));
}

Result<std::vector<StoredCertificate>> CertificateDatabase::all() const {
  Result<std::string> text = output_of(owner_, [this] { return read_everything(*open_()); });
  if (!text) return pass(text);
  Decoder d(*text);
  std::vector<StoredCertificate> all = d.list(auth::kMaxStoredCertificates, get_certificate);
  if (Result<void> whole = d.finish("certificates"); !whole) return pass(whole);
  return all;
}

Result<void> CertificateDatabase::put(const StoredCertificate& certificate) const {
  return run_as(owner_, [&] { return open_()->put(certificate); });
}

Result<bool> CertificateDatabase::remove(const std::string& domain) const {
  const auto work = [&]() -> Result<std::string> {
    Result<bool> removed = open_()->remove(domain);
    if (!removed) return pass(removed);
    return std::string(*removed ? "removed" : "");
  };
  Result<std::string> done = output_of(owner_, work);
  if (!done) return pass(done);
  return !done->empty();
}

Result<std::optional<StoredCertificate>> seal_certificate(
    const std::string& tls_folder, const Owner& owner, Random& random, const std::string& domain,
    const std::string& chain, const Secret& key, const std::vector<StoredCertificate>& stored) {
  const auto work = [&]() -> Result<std::string> {
    Result<keyd::SealingKey> sealing = key_for(tls_folder, random, stored);
    if (!sealing) return pass(sealing);
    const bool same = std::any_of(stored.begin(), stored.end(), [&](const auto& there) {
      return is_same(there, domain, chain, key, *sealing);
    });
    if (same) return std::string();
    Encoder e;
    put_certificate(e, {domain, chain, sealing->seal(key), sealing->public_key(), {}});
    return std::string(e.view());
  };
  Result<std::string> text = output_of(owner, work);
  if (!text) return pass(text);
  if (text->empty()) return std::optional<StoredCertificate>{};
  Decoder d(*text);
  return std::optional<StoredCertificate>(get_certificate(d));
}

}  // namespace toast::admin
