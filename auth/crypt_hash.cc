#include "auth/crypt_hash.h"

#include <crypt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include "auth/credentials_repository.h"

namespace toast::auth {
namespace {

// crypt(5)'s digits, in the order of their values.
constexpr std::string_view kDigits =
    "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::size_t kDesHash = 13;   // 2 of salt, 11 of hash
constexpr std::size_t kBsdiHash = 20;  // _, 4 of rounds, 4 of salt, 11 of hash
constexpr std::size_t kBcryptHash = 60;
constexpr std::size_t kLongestPassword = CRYPT_MAX_PASSPHRASE_SIZE - 1;  // crypt_r takes no more

constexpr std::array<std::string_view, 6> kDovecotPrefixes = {
    "{CRYPT}", "{DES-CRYPT}", "{MD5-CRYPT}", "{SHA256-CRYPT}", "{SHA512-CRYPT}", "{BLF-CRYPT}"};

tl::unexpected<Error> unusable(const std::string& what) {
  return permanent("stored password hash: " + what, "4.3.5 try again later");
}

bool is_digit_of_crypt(char c) { return kDigits.find(c) != std::string_view::npos; }
bool all_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), is_digit_of_crypt);
}

std::string_view without_prefix(std::string_view stored) {
  for (const std::string_view prefix : kDovecotPrefixes)
    if (stored.starts_with(prefix)) return stored.substr(prefix.size());
  return stored;
}

// Little-endian, six bits a digit. None: other characters.
std::optional<unsigned> number_of(std::string_view digits) {
  unsigned value = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t digit = kDigits.find(digits[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    value |= static_cast<unsigned>(digit) << (6 * i);
  }
  return value;
}

Result<void> at_most(unsigned value, unsigned limit, std::string_view what) {
  if (value <= limit) return {};
  return unusable("asks for " + std::to_string(value) + " " + std::string(what) +
                  ", more than the " + std::to_string(limit) + " that are allowed");
}

// $2b$12$...: two decimal digits.
Result<void> check_bcrypt(std::string_view hash) {
  unsigned cost = 0;
  const char* begin = hash.data() + 4;
  if (hash.size() != kBcryptHash || hash[6] != '$' ||
      std::from_chars(begin, begin + 2, cost).ptr != begin + 2)
    return unusable("damaged bcrypt parameters");
  return at_most(cost, kMaxBcryptCost, "as bcrypt's cost");
}

// $5$[rounds=N$]salt$hash, $6$ alike.
Result<void> check_sha(std::string_view hash) {
  constexpr std::string_view kRounds = "rounds=";
  std::string_view rest = hash.substr(3);
  if (!rest.starts_with(kRounds)) return {};
  rest.remove_prefix(kRounds.size());
  unsigned rounds = 0;
  const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), rounds);
  if (failed == std::errc::result_out_of_range) rounds = kMaxShaRounds + 1;
  if (failed == std::errc::invalid_argument || end == rest.data() + rest.size() || *end != '$')
    return unusable("damaged rounds of a SHA hash");
  return at_most(rounds, kMaxShaRounds, "rounds");
}

// _RRRRSSSS...: 24 bits of rounds.
Result<void> check_bsdi(std::string_view hash) {
  if (hash.size() != kBsdiHash || !all_digits(hash.substr(1)))
    return unusable("damaged extended DES hash");
  return at_most(*number_of(hash.substr(1, 4)), kMaxBsdiRounds, "rounds");
}

// $7$Nrrrrrppppp...: N as its logarithm, r and p in five digits each.
Result<void> check_scrypt(std::string_view hash) {
  constexpr std::size_t kParameters = 11;
  const std::string_view text = hash.substr(3, kParameters);
  if (text.size() < kParameters || !all_digits(text)) return unusable("damaged scrypt parameters");
  if (*number_of(text.substr(6)) != 1) return unusable("scrypt with other parallelism than 1");
  Result<void> cheap =
      at_most(*number_of(text.substr(0, 1)), kMaxScryptLogN, "as scrypt's log2(N)");
  if (!cheap) return cheap;
  return at_most(*number_of(text.substr(1, 5)), kMaxScryptBlock, "as scrypt's r");
}

// $y$jNr$...: as crypt_gensalt(3) writes it, N's logarithm and r both less one. More parameters
// than these three are possible and in nobody's password file.
Result<void> check_yescrypt(std::string_view parameters) {
  const std::size_t end = parameters.find('$');
  if (end != 3 || parameters[0] != 'j' || !all_digits(parameters.substr(1, 2)))
    return unusable("yescrypt with unusual parameters");
  Result<void> cheap =
      at_most(*number_of(parameters.substr(1, 1)) + 1, kMaxScryptLogN, "as yescrypt's log2(N)");
  if (!cheap) return cheap;
  return at_most(*number_of(parameters.substr(2, 1)) + 1, kMaxScryptBlock, "as yescrypt's r");
}

bool is_bcrypt(std::string_view hash) {
  return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

}  // namespace

bool is_crypt_hash(std::string_view stored) {
  const std::string_view hash = without_prefix(stored);
  for (const std::string_view scheme : {"$1$", "$5$", "$6$", "$7$", "$y$", "$gy$"})
    if (hash.starts_with(scheme)) return true;
  return is_bcrypt(hash) || hash.starts_with('_') || (hash.size() == kDesHash && all_digits(hash));
}

Result<void> check_crypt_hash(std::string_view stored) {
  if (stored.size() > kMaxHashBytes || stored.find('\0') != std::string_view::npos)
    return unusable("not the text of a hash");
  const std::string_view hash = without_prefix(stored);
  if (is_bcrypt(hash)) return check_bcrypt(hash);
  if (hash.starts_with("$5$") || hash.starts_with("$6$")) return check_sha(hash);
  if (hash.starts_with("$7$")) return check_scrypt(hash);
  if (hash.starts_with("$y$")) return check_yescrypt(hash.substr(3));
  if (hash.starts_with("$gy$")) return check_yescrypt(hash.substr(4));
  if (hash.starts_with('_')) return check_bsdi(hash);
  return {};  // DES and MD5 have one cost
}

Result<bool> verify_crypt_hash(std::string_view stored, const Secret& password) {
  if (Result<void> sound = check_crypt_hash(stored); !sound) return pass(sound);
  // crypt(3) takes a C string, so these could not have been hashed.
  if (password.size() > kLongestPassword || password.view().find('\0') != std::string_view::npos)
    return false;
  const std::string hash(without_prefix(stored));
  std::string text(password.view());
  const auto work = std::make_unique<crypt_data>();  // 32 kB: too much for a thread's stack
  errno = 0;
  const char* made = crypt_r(text.c_str(), hash.c_str(), work.get());
  const int error = errno;
  wipe(text);
  // "*0" and "*1" are what crypt(3) says instead of an error.
  const bool failed = made == nullptr || *made == '*';
  const bool right = !failed && hash.size() == std::string_view(made).size() &&
                     sodium_memcmp(made, hash.data(), hash.size()) == 0;
  sodium_memzero(work.get(), sizeof *work);
  if (!failed) return right;
  if (error == ENOMEM) return transient("verify password: not enough memory for crypt(3)");
  return unusable("crypt(3) does not understand it");
}

}  // namespace toast::auth
