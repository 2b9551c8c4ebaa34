#include "auth/sasl/mechanisms.h"

#include <algorithm>

#include "auth/sasl/cram_md5.h"
#include "auth/sasl/login.h"
#include "auth/sasl/plain.h"
#include "auth/sasl/scram.h"

namespace toast::auth::sasl {
namespace {

bool is_called(std::string_view name, std::string_view mechanism) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  return std::equal(name.begin(), name.end(), mechanism.begin(), mechanism.end(),
                    [&](char a, char b) { return upper(a) == b; });
}

}  // namespace

Step Mechanism::found(ScramVerifier) { return Malformed{"nothing was looked for"}; }

std::unique_ptr<Mechanism> make_mechanism(std::string_view name, MechanismContext context) {
  if (is_called(name, kPlain)) return std::make_unique<Plain>();
  if (is_called(name, kLogin)) return std::make_unique<LoginNames>();
  if (context.offer.cram && is_called(name, kCramMd5))
    return std::make_unique<CramMd5>(std::move(context.challenge));
  const bool plus = is_called(name, kScramPlus);
  if (!context.offer.scram || !(plus || is_called(name, kScram))) return nullptr;
  if (plus && context.binding.empty()) return nullptr;
  return std::make_unique<Scram>(
      ScramChannel{plus, std::move(context.binding), std::move(context.nonce)});
}

}  // namespace toast::auth::sasl
