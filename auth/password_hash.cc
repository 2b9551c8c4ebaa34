#include "auth/password_hash.h"

#include <sodium.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
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

tl::unexpected<Error> no_memory(std::string_view doing, std::uint64_t bytes) {
  return transient(std::string(doing) + ": not enough memory for argon2 (" +
                   std::to_string(bytes >> 20U) + " MiB)");
}

// libsodium's verification says "mismatch" also when it had no memory, so hashes of our own shape
// (argon2id, one lane, 16 bytes of salt) are computed and compared here, where the two come apart.
struct OwnShape {
  unsigned char salt[crypto_pwhash_argon2id_SALTBYTES];
  unsigned char output[32];  // what crypto_pwhash_str writes
};
std::optional<OwnShape> parse_own_shape(std::string_view stored, const StoredCost& cost) {
  if (!cost.argon2id || cost.lanes != 1 ||
      cost.cost.memory_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN)
    return std::nullopt;
  const std::size_t last = stored.rfind('$');
  const std::size_t salt = stored.rfind('$', last - 1) + 1;
  OwnShape out;
  const auto decode = [](std::string_view text, unsigned char* to, std::size_t size) {
    std::size_t decoded = 0;
    return sodium_base642bin(to, size, text.data(), text.size(), nullptr, &decoded, nullptr,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING) == 0 &&
           decoded == size;
  };
  if (!decode(stored.substr(salt, last - salt), out.salt, sizeof out.salt) ||
      !decode(stored.substr(last + 1), out.output, sizeof out.output))
    return std::nullopt;
  return out;
}

Result<bool> compute(const std::string& stored, const StoredCost& cost, const Secret& password) {
  const std::string_view view = password.view();
  const char* text = view.data() == nullptr ? "" : view.data();
  const std::optional<OwnShape> own = parse_own_shape(stored, cost);
  if (!own) {
    errno = 0;
    if (crypto_pwhash_str_verify(stored.c_str(), text, view.size()) == 0) return true;
    if (errno != EINVAL) return not_argon2("damaged salt or output");  // EINVAL: a mismatch
    return false;
  }
  unsigned char output[sizeof own->output];
  if (crypto_pwhash_argon2id(output, sizeof output, text, view.size(), own->salt, cost.cost.passes,
                             cost.cost.memory_bytes, crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
    return no_memory("verify password", cost.cost.memory_bytes);
  const bool right = sodium_memcmp(output, own->output, sizeof output) == 0;
  sodium_memzero(output, sizeof output);
  return right;
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

Result<void> check_stored_cost(const StoredCost& stored, const HashCost& configured) {
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
  if (Result<void> affordable = check_stored_cost(*cost, cost_); !affordable)
    return pass(affordable);
  return compute(stored, *cost, password);
}

Result<std::string> Argon2Hasher::hash(const Secret& password) const {
  if (password.empty()) return permanent("an empty password cannot be set", "5.7.8 empty password");
  char out[crypto_pwhash_STRBYTES];
  const std::string_view text = password.view();
  if (crypto_pwhash_str_alg(out, text.data(), text.size(), cost_.passes, cost_.memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0)
    return no_memory("hash password", cost_.memory_bytes);
  return std::string(out);
}

bool Argon2Hasher::needs_rehash(std::string_view stored) const {
  Result<StoredCost> cost = parse_stored_hash(stored);
  if (!cost) return false;  // it did not verify either
  const HashCost ours{cost_.memory_bytes / 1024 * 1024, cost_.passes};
  return !cost->argon2id || cost->cost != ours || cost->lanes != 1;
}

}  // namespace toast::auth
