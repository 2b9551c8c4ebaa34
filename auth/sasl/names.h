// Which SASL mechanisms authd knows, and which of them a front end offers.
#pragma once

#include <string_view>
#include <vector>

namespace toast::auth::sasl {

inline constexpr std::string_view kPlain = "PLAIN";
inline constexpr std::string_view kLogin = "LOGIN";
inline constexpr std::string_view kScram = "SCRAM-SHA-256";
inline constexpr std::string_view kScramPlus = "SCRAM-SHA-256-PLUS";
inline constexpr std::string_view kCramMd5 = "CRAM-MD5";

// What the settings say beside PLAIN and LOGIN.
struct Offer {
  bool scram = false;  // authscram
  bool cram = false;   // authcram; over POP3 APOP, too
};

// The best first: some clients take the first that they know. CRAM-MD5 is the last, because few
// accounts have it and the connection is encrypted. `is_bound`: the connection has a channel
// binding, and whoever starts an exchange on it sends that along; -PLUS is offered exactly then,
// because authd takes it for offered.
inline std::vector<std::string_view> offered(Offer offer, bool is_bound) {
  std::vector<std::string_view> names;
  if (offer.scram && is_bound) names.push_back(kScramPlus);
  if (offer.scram) names.push_back(kScram);
  names.insert(names.end(), {kPlain, kLogin});
  if (offer.cram) names.push_back(kCramMd5);
  return names;
}

}  // namespace toast::auth::sasl
