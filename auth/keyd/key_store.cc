#include "auth/keyd/key_store.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/fd.h"
#include "base/secret.h"

namespace toast::keyd {
namespace {

// "": there is no such file.
std::string fingerprint_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return {};
  return fmt::format("{}:{}:{}.{}:{} ", status.st_ino, status.st_size, status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec, status.st_ctim.tv_nsec);
}

bool readable_by_others(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IROTH) != 0;
}

}  // namespace

std::vector<std::string> KeyStore::list_folders() const {
  std::vector<std::string> found{""};
  std::error_code error;
  for (std::filesystem::directory_iterator at(folder_, error), end; !error && at != end;
       at.increment(error)) {
    std::string name = at->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.') || !at->is_directory(ignored)) continue;  // a dot: half installed
    found.push_back(std::move(name));
    if (found.size() > kMaxPairs) break;
  }
  if (error)
    log_.error("keyd.folder.unreadable", {{"folder", folder_}, {"reason", error.message()}});
  return found;
}

KeyStore::Entry KeyStore::read_entry(const std::string& folder, const Entry* before) const {
  const std::string path = folder.empty() ? folder_ : folder_ + "/" + folder;
  const std::string certificate_file = path + "/" + std::string(kCertificateFile);
  const std::string key_file = path + "/" + std::string(kKeyFile);
  const std::string of_certificate = fingerprint_of(certificate_file);
  const std::string of_key = fingerprint_of(key_file);
  if (folder.empty() && of_certificate.empty() && of_key.empty()) return {};
  std::string fingerprint = of_certificate + of_key;
  if (before != nullptr && before->fingerprint == fingerprint) return *before;
  Result<Pair> pair = read_pair(certificate_file, key_file);
  if (pair) {
    if (readable_by_others(key_file)) log_.warning("keyd.key.exposed", {{"file", key_file}});
    pair->folder = folder;
    return {std::make_shared<const Pair>(std::move(*pair)), std::move(fingerprint), false};
  }
  return unusable_entry(path, pair.error(), std::move(fingerprint), before);
}

KeyStore::Entry KeyStore::unusable_entry(const std::string& folder, const Error& why,
                                         std::string fingerprint, const Entry* before) const {
  const bool kept = before != nullptr && before->pair != nullptr;
  log_.error("keyd.certificate.unusable",
             {{"folder", folder},
              {"reason", why.detail},
              {"effect", kept ? "the one from before stays" : "it is not used"}});
  return {kept ? before->pair : nullptr, std::move(fingerprint), true};
}

KeyStore::Entry KeyStore::open_entry(const StoredRow& row, const Result<SealingKey>& key,
                                     const Entry* before, WallTime now) const {
  std::string fingerprint =
      "database " + content_fingerprint(row.chain + row.sealed_key +
                                        (key ? key->public_key() : key.error().detail));
  if (before != nullptr && before->fingerprint == fingerprint) return *before;
  Result<Pair> pair = tl::unexpected(key ? Error{} : key.error());
  if (key) pair = open_stored(row, *key, now);
  if (!pair)
    return unusable_entry("database: " + row.domain, pair.error(), std::move(fingerprint), before);
  return {std::make_shared<const Pair>(std::move(*pair)), std::move(fingerprint), false};
}

void KeyStore::open_stored_rows(WallTime now, Entries& next) const {
  if (stored_.empty()) return;
  const Result<SealingKey> key = read_sealing_key(folder_);
  for (const StoredRow& row : stored_) {
    if (next.contains(row.domain) || next.size() > kMaxPairs) continue;
    const auto before = entries_.find(row.domain);
    next.emplace(row.domain,
                 open_entry(row, key, before == entries_.end() ? nullptr : &before->second, now));
  }
}

bool KeyStore::load(const std::string& own_name, WallTime now) {
  Entries next;
  for (const std::string& folder : list_folders()) {
    const auto before = entries_.find(folder);
    Entry entry = read_entry(folder, before == entries_.end() ? nullptr : &before->second);
    if (!entry.fingerprint.empty()) next.emplace(folder, std::move(entry));
  }
  open_stored_rows(now, next);
  const auto own = next.find(own_name);
  const std::string by_default = own != next.end() && own->second.pair ? own_name : "";
  const bool changed =
      by_default != default_ || next.size() != entries_.size() ||
      !std::equal(next.begin(), next.end(), entries_.begin(), [](const auto& a, const auto& b) {
        return a.first == b.first && a.second.pair == b.second.pair;
      });
  entries_ = std::move(next);
  default_ = by_default;
  replaced_ = std::move(keys_);
  keys_.clear();
  for (const auto& [folder, entry] : entries_)
    if (entry.pair) keys_.emplace(entry.pair->certificate.key_id, entry.pair->key);
  return changed;
}

std::vector<const Pair*> KeyStore::pairs() const {
  std::vector<const Pair*> found;
  const auto first = entries_.find(default_);
  if (first != entries_.end() && first->second.pair) found.push_back(first->second.pair.get());
  for (const auto& [folder, entry] : entries_)
    if (entry.pair && folder != default_) found.push_back(entry.pair.get());
  return found;
}

std::vector<std::string> KeyStore::names_of(const Pair& pair) const {
  std::vector<std::string> names;
  if (!pair.folder.empty()) names.push_back(pair.folder);
  for (const std::string& name : pair.certificate.names) {
    const auto other = entries_.find(name);
    const bool taken = other != entries_.end() && other->second.pair;
    if (!taken) names.push_back(name);
  }
  return names;
}

std::shared_ptr<const tls::PrivateKey> KeyStore::find(const std::string& key_id) const {
  for (const Keys* keys : {&keys_, &replaced_}) {
    const auto found = keys->find(key_id);
    if (found != keys->end()) return found->second;
  }
  return nullptr;
}

std::size_t KeyStore::expired(WallTime now) const {
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
        return entry.second.pair && entry.second.pair->certificate.not_after <= now;
      }));
}

std::size_t KeyStore::unusable() const {
  return static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.damaged; }));
}

std::size_t KeyStore::expiring(WallTime now) const { return expired(now + kExpiresSoon); }

}  // namespace toast::keyd
