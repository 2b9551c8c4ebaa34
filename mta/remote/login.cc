#include "mta/remote/login.h"

#include <fcntl.h>
#include <sodium.h>

#include "base/fd.h"

namespace toast::remote {
namespace {

constexpr int kContinue = 334;
constexpr int kAccepted = 235;

Secret base64(std::string_view text) {
  constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
  std::string encoded(sodium_base64_encoded_len(text.size(), kVariant), '\0');
  sodium_bin2base64(encoded.data(), encoded.size(),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), kVariant);
  encoded.pop_back();  // the terminator
  return Secret::take(encoded);
}

// "\0user\0password", RFC 4616 section 2: nobody to act as, then who and how it is proved.
Secret plain_response(const Login& login) {
  std::string text;
  text.reserve(2 + login.user.size() + login.password.size());
  text.append(1, '\0').append(login.user).append(1, '\0').append(login.password.view());
  const Secret message = Secret::take(text);
  return base64(message.view());
}

Secret behind(std::string_view words, const Secret& secret) {
  std::string line;
  line.reserve(words.size() + secret.size());
  line.append(words).append(secret.view());
  return Secret::take(line);
}

}  // namespace

std::vector<LoginStep> login_steps(const Login& login, const Capabilities& capabilities) {
  std::vector<LoginStep> steps;
  if (capabilities.auth_plain) {
    steps.push_back({behind("AUTH PLAIN ", plain_response(login)), kAccepted});
  } else if (capabilities.auth_login) {
    steps.push_back({Secret("AUTH LOGIN"), kContinue});
    steps.push_back({base64(login.user), kContinue});
    steps.push_back({base64(login.password.view()), kAccepted});
  }
  return steps;
}

Result<Secret> PasswordFolder::read(const std::string& file) {
  const std::string path = folder_ + "/" + file;
  const auto fail = [&](const std::string& why) {
    return transient(why, "4.3.5 no password for the relay: relay-auth/" + file);
  };
  const Result<Fd> opened = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!opened) return fail(opened.error().detail);
  Result<std::string> text = read_all(*opened, kMaxPasswordFile, path);
  if (!text) return fail(text.error().detail);
  const Secret whole = Secret::take(*text);
  const std::string_view line = whole.view().substr(0, whole.view().find_first_of("\r\n"));
  if (line.empty()) return fail(path + ": its first line is empty");
  if (line.find('\0') != std::string_view::npos) return fail(path + ": holds a NUL");
  return Secret(line);
}

}  // namespace toast::remote
