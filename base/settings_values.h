// One-line values of settings: numbers, words and names, their checks and how they are explained.
// Used by settings.cc; programs use settings.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/settings.h"

namespace toast {

using SettingScalar = std::variant<std::int64_t, std::string>;

// Errors: what is wrong with the text and what would be right.
[[nodiscard]] Result<SettingScalar> parse_setting_scalar(const SettingInfo& setting,
                                                         std::string_view text);
// The default as the file would hold it; empty where it is the content of `me`.
std::string default_setting_text(const SettingInfo& setting);

}  // namespace toast
