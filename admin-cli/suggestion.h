// "Did you mean": the nearest of some words to one that is not among them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace toast::admin {

// Empty when none is near: more than a third of its letters would have to change.
std::string nearest_word(std::string_view typed, const std::vector<std::string>& words);
// "did you mean X?", or empty.
std::string did_you_mean(std::string_view typed, const std::vector<std::string>& words);

}  // namespace toast::admin
