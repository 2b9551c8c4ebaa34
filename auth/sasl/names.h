// Which SASL mechanisms authd knows, for the front ends that offer them.
#pragma once

#include <string_view>

namespace toast::auth::sasl {

inline constexpr std::string_view kPlain = "PLAIN";
inline constexpr std::string_view kLogin = "LOGIN";

// The best first: some clients take the first that they know.
inline constexpr std::string_view kOffered[] = {kPlain, kLogin};

}  // namespace toast::auth::sasl
