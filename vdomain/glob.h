// Shell patterns over names: * any run, ? any byte, [a-z] [!a-z] one of a set, \x the byte x. One
// matcher of our own, so that every database back end answers a filter alike.
#pragma once

#include <string_view>

namespace toast::vdomain {

// Time is bounded by pattern length times name length: no backtracking beyond the last star.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace toast::vdomain
