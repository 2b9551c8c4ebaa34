#include "auth/password_hash.h"

#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include "auth/credentials_repository.h"

namespace toast::auth {
namespace {

constexpr const char* kMisconfigured = "4.3.5 try again later";  // RFC 3463: system misconfigured

// The scheme of a hash, fit for a log: "$6$salt$hash" is "$6$", "{SSHA}..." is "{SSHA}".
std::string scheme_of(std::string_view stored) {
  constexpr std::size_t kLongest = 16;
  std::size_t end = std::string_view::npos;
  if (stored.starts_with('$')) end = stored.find('$', 1);
  if (stored.starts_with('{')) end = stored.find('}', 1);
  if (end == std::string_view::npos || end > kLongest) return "unmarked";
  return std::string(stored.substr(0, end + 1));
}

tl::unexpected<Error> not_argon2(std::string_view what) {
  return permanent("stored password hash: " + std::string(what), kMisconfigured);
}

// Takes "name=digits" off the front.
bool take_number(std::string_view& text, std::string_view name, std::uint64_t& value) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

std::string base64(std::string_view bytes) {
  std::string out(
      sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  out.pop_back();  // its NUL
  return out;
}

// The output part is random, so no password is known to match; nothing depends on its staying so.
std::string make_dummy(const HashCost& cost) {
  constexpr std::size_t kSalt = 16;
  constexpr std::size_t kOutput = 32;
  SystemRandom random;
  return "$argon2id$v=19$m=" + std::to_string(cost.memory_bytes / 1024) +
         ",t=" + std::to_string(cost.passes) + ",p=1$" + base64(random.bytes(kSalt)) + "$" +
         base64(random.bytes(kOutput));
}

Result<void> check_cost(const StoredCost& stored, const HashCost& configured) {
  const std::uint64_t memory = std::max(kMaxStoredCost.memory_bytes, configured.memory_bytes);
  const std::uint64_t passes = std::max(kMaxStoredCost.passes, configured.passes);
  const std::uint64_t work = std::max(kMaxStoredWork, configured.memory_bytes * configured.passes);
  const HashCost& cost = stored.cost;
  if (cost.memory_bytes > memory || cost.passes > passes || stored.lanes > kMaxStoredLanes ||
      cost.memory_bytes * cost.passes > work)  // neither factor can make this wrap: checked first
    return not_argon2("asks for " + std::to_string(cost.memory_bytes >> 20U) + " MiB and " +
                      std::to_string(cost.passes) + " passes, more than is allowed");
  return {};
}

}  // namespace

void start_sodium() {
  if (sodium_init() < 0) throw std::runtime_error("libsodium cannot start");
}

Result<StoredCost> parse_stored_hash(std::string_view stored) {
  if (stored.size() > kMaxHashBytes || stored.find('\0') != std::string_view::npos)
    return not_argon2("not the text of a hash");
  StoredCost out;
  std::string_view rest = stored;
  out.argon2id = take(rest, "$argon2id$");
  if (!out.argon2id && !take(rest, "$argon2i$"))
    return not_argon2("scheme " + scheme_of(stored) + " is not known; set the password anew");
  std::uint64_t memory_kib = 0;
  const bool shaped = take(rest, "v=19$") && take_number(rest, "m=", memory_kib) &&
                      take_number(rest, ",t=", out.cost.passes) &&
                      take_number(rest, ",p=", out.lanes) && take(rest, "$");
  if (!shaped || memory_kib == 0 || memory_kib > (1ULL << 32U) || out.cost.passes == 0 ||
      out.lanes == 0)
    return not_argon2("damaged argon2 parameters");
  out.cost.memory_bytes = memory_kib * 1024;
  return out;
}

Argon2Hasher::Argon2Hasher(HashCost cost) : cost_(cost) {
  start_sodium();
  if (cost.memory_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN ||
      cost.passes < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
      cost.memory_bytes > crypto_pwhash_argon2id_MEMLIMIT_MAX ||
      cost.passes > crypto_pwhash_argon2id_OPSLIMIT_MAX)
    throw std::invalid_argument("argon2id cost out of range");
  dummy_ = make_dummy(cost_);
}

Result<bool> Argon2Hasher::verify(const std::string& stored, const Secret& password) const {
  Result<StoredCost> cost = parse_stored_hash(stored);
  if (!cost) return pass(cost);
  if (Result<void> affordable = check_cost(*cost, cost_); !affordable) return pass(affordable);
  errno = 0;
  const std::string_view text = password.view();
  if (crypto_pwhash_str_verify(stored.c_str(), text.data() == nullptr ? "" : text.data(),
                               text.size()) == 0)
    return true;
  // libsodium says EINVAL for a mismatch, and for nothing else once the parameters are sound; no
  // memory must never look like a wrong password.
  if (errno == EINVAL) return false;
  return transient("verify password: not enough memory for argon2 (" +
                   std::to_string(cost->cost.memory_bytes >> 20U) + " MiB)");
}

Result<std::string> Argon2Hasher::hash(const Secret& password) const {
  if (password.empty()) return permanent("an empty password cannot be set", "5.7.8 empty password");
  char out[crypto_pwhash_STRBYTES];
  const std::string_view text = password.view();
  if (crypto_pwhash_str_alg(out, text.data(), text.size(), cost_.passes, cost_.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return transient("hash password: not enough memory for argon2 (" +
                     std::to_string(cost_.memory_bytes >> 20U) + " MiB)");
  return std::string(out);
}

bool Argon2Hasher::needs_rehash(std::string_view stored) const {
  Result<StoredCost> cost = parse_stored_hash(stored);
  if (!cost) return false;  // it did not verify either
  const HashCost ours{cost_.memory_bytes / 1024 * 1024, cost_.passes};
  return !cost->argon2id || cost->cost != ours || cost->lanes != 1;
}

}  // namespace toast::auth
