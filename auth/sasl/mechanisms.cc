#include "auth/sasl/mechanisms.h"

#include <algorithm>

#include "auth/sasl/login.h"
#include "auth/sasl/plain.h"

namespace toast::auth::sasl {
namespace {

bool is_called(std::string_view name, std::string_view mechanism) {
  const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; };
  return std::equal(name.begin(), name.end(), mechanism.begin(), mechanism.end(),
                    [&](char a, char b) { return upper(a) == b; });
}

}  // namespace

std::unique_ptr<Mechanism> make_mechanism(std::string_view name) {
  if (is_called(name, kPlain)) return std::make_unique<Plain>();
  if (is_called(name, kLogin)) return std::make_unique<LoginNames>();
  return nullptr;
}

}  // namespace toast::auth::sasl
