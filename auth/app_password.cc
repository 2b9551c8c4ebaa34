#include "auth/app_password.h"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/base64.h"

namespace toast::auth {
namespace {

constexpr std::string_view kLetters = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t kGroup = 5;
constexpr std::string_view kPrefix = "$app$1$";
constexpr std::string_view kPurpose = "toastmaster app password";  // parts it from other digests
constexpr std::size_t kMaxWritten = 64;  // with whatever stands between the groups

std::array<unsigned char, 32> digest_of(std::string_view letters) {
  std::array<unsigned char, 32> digest{};
  crypto_generichash(digest.data(), digest.size(),
                     reinterpret_cast<const unsigned char*>(letters.data()), letters.size(),
                     reinterpret_cast<const unsigned char*>(kPurpose.data()), kPurpose.size());
  return digest;
}

// Ten bits: of a thousand passwords that happen to have the shape one is looked up in vain.
void append_checksum(std::string& letters) {
  const auto digest = digest_of(letters);
  letters.push_back(kLetters[digest[0] & 31U]);
  letters.push_back(kLetters[digest[1] & 31U]);
}

char letter_of(char c) {
  if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (c == 'o') return '0';
  return c == 'i' || c == 'l' ? '1' : c;
}

// The letters alone; empty: not of the shape.
std::string letters_of(std::string_view password) {
  std::string letters;
  if (password.size() < kAppPasswordLetters || password.size() > kMaxWritten) return letters;
  letters.reserve(kMaxWritten);
  for (const char c : password)
    if (c != '-' && c != ' ') letters.push_back(letter_of(c));
  const bool shaped = letters.size() == kAppPasswordLetters &&
                      letters.find_first_not_of(kLetters) == std::string::npos;
  std::string again = letters.substr(0, shaped ? kAppPasswordRandom : 0);
  if (shaped) append_checksum(again);
  if (!shaped || again != letters) wipe(letters);
  wipe(again);
  return letters;
}

std::string_view next_word(std::string_view& text) {
  const std::size_t end = text.find(',');
  std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  while (word.starts_with(' ')) word.remove_prefix(1);
  while (word.ends_with(' ')) word.remove_suffix(1);
  return word;
}

Result<void> check_name(const std::string& name) {
  const bool readable = !name.empty() && name.size() <= kMaxAppPasswordName &&
                        std::none_of(name.begin(), name.end(), [](char c) {
                          return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                        });
  if (readable) return {};
  return permanent("the name of an app password has 1 to " + std::to_string(kMaxAppPasswordName) +
                   " bytes, none of them a control character");
}

}  // namespace

Secret make_app_password(Random& random) {
  std::string letters;
  while (letters.size() < kAppPasswordRandom) letters.push_back(kLetters[random.u64() & 31U]);
  append_checksum(letters);
  std::string written;
  written.reserve(kMaxWritten);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    if (i > 0 && i % kGroup == 0) written.push_back('-');
    written.push_back(letters[i]);
  }
  wipe(letters);
  return Secret::take(written);
}

std::optional<std::string> app_password_hash(const Secret& password) {
  std::string letters = letters_of(password.view());
  if (letters.empty()) return std::nullopt;
  const auto digest = digest_of(letters);
  wipe(letters);
  return std::string(kPrefix) +
         base64_encode({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

bool is_for_service(std::string_view services, Service service) {
  if (services.empty()) return true;
  const bool reads_mail = service == Service::checkpassword;
  while (!services.empty()) {
    const std::optional<Service> one = parse_service(next_word(services));
    if (one && (*one == service || (reads_mail && *one != Service::smtp))) return true;
  }
  return false;
}

Result<std::string> parse_services(std::string_view text) {
  std::string services;
  while (!text.empty()) {
    const std::string_view word = next_word(text);
    const std::optional<Service> service = parse_service(word);
    if (!service || *service == Service::checkpassword)
      return permanent("no service \"" + std::string(word) + "\": pop3, imap, smtp");
    if (!services.empty()) services.push_back(',');
    services.append(service_name(*service));
  }
  return services;
}

Result<std::optional<Secret>> add_app_password(CredentialsRepository& credentials, Random& random,
                                               const std::string& account,
                                               const NewAppPassword& wanted, WallTime now) {
  if (Result<void> good = check_name(wanted.name); !good) return pass(good);
  Result<std::vector<AppPassword>> there = credentials.app_passwords(account);
  if (!there) return pass(there);
  for (const AppPassword& one : *there)
    if (one.name == wanted.name) return std::optional<Secret>{};
  if (there->size() >= kMaxAppPasswords)
    return permanent("there are " + std::to_string(there->size()) +
                     " app passwords already, which is the most");
  Result<std::optional<Credential>> own = credentials.find(account);
  if (!own) return pass(own);
  Secret password = make_app_password(random);
  AppPassword stored;
  stored.name = wanted.name;
  stored.hash = *app_password_hash(password);
  stored.services = wanted.services;
  if (*own) stored.state = (*own)->state;  // of a locked account it stays locked
  stored.made = now;
  if (Result<void> done = credentials.put_app_password(account, stored); !done) return pass(done);
  return std::optional<Secret>(std::move(password));
}

}  // namespace toast::auth
