// Which SASL mechanisms authd knows, and which of them a front end offers.
#pragma once

#include <string_view>
#include <vector>

namespace toast::auth::sasl {

inline constexpr std::string_view kPlain = "PLAIN";
inline constexpr std::string_view kLogin = "LOGIN";
inline constexpr std::string_view kScram = "SCRAM-SHA-256";
inline constexpr std::string_view kScramPlus = "SCRAM-SHA-256-PLUS";

// The best first: some clients take the first that they know. `scram`: the setting authscram is
// "yes". `is_bound`: the connection has a channel binding, and whoever starts an exchange on it
// sends that along; -PLUS is offered exactly then, because authd takes it for offered.
inline std::vector<std::string_view> offered(bool scram, bool is_bound) {
  std::vector<std::string_view> names;
  if (scram && is_bound) names.push_back(kScramPlus);
  if (scram) names.push_back(kScram);
  names.insert(names.end(), {kPlain, kLogin});
  return names;
}

}  // namespace toast::auth::sasl
