#include "base/settings_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>

namespace toast {
namespace {

struct Suffix {
  std::string_view text;
  std::int64_t factor;
};
constexpr Suffix kSizeSuffixes[] = {
    {"K", 1LL << 10}, {"M", 1LL << 20}, {"G", 1LL << 30}, {"T", 1LL << 40}};
constexpr Suffix kDurationSuffixes[] = {
    {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};

std::optional<std::int64_t> plain_number(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "50M" as a person types it; none if it is no such thing.
std::optional<std::int64_t> number_with_suffix(const SettingInfo& setting, std::string_view text) {
  const std::span<const Suffix> suffixes = setting.kind == SettingKind::size
                                               ? std::span<const Suffix>(kSizeSuffixes)
                                               : std::span<const Suffix>(kDurationSuffixes);
  for (const Suffix& suffix : suffixes) {
    if (!text.ends_with(suffix.text)) continue;
    const std::optional<std::int64_t> number =
        plain_number(text.substr(0, text.size() - suffix.text.size()));
    if (!number || *number > setting.maximum / suffix.factor) return std::nullopt;
    return *number * suffix.factor;
  }
  return std::nullopt;
}

Result<SettingScalar> parse_number(const SettingInfo& setting, std::string_view text) {
  const std::optional<std::int64_t> value = plain_number(text);
  if (!value) {
    const bool has_suffixes =
        setting.kind == SettingKind::size || setting.kind == SettingKind::duration;
    const std::optional<std::int64_t> meant =
        has_suffixes ? number_with_suffix(setting, text) : std::nullopt;
    if (meant)
      return permanent(fmt::format("\"{}\" is not a plain number; write {}", text, *meant));
    return permanent(
        fmt::format("\"{}\" is not a number; write {}", text, describe_values(setting)));
  }
  if (*value < setting.minimum || *value > setting.maximum)
    return permanent(fmt::format("{} is out of range; write {}", *value, describe_values(setting)));
  return SettingScalar(*value);
}

Result<SettingScalar> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "yes", "true", "on"})
    if (text == yes) return SettingScalar(std::int64_t{1});
  for (const std::string_view no : {"0", "no", "false", "off"})
    if (text == no) return SettingScalar(std::int64_t{0});
  return permanent(fmt::format("\"{}\" is not a switch; write yes or no", text));
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 1123 section 2.1, RFC 1035 section 2.3.4: labels of 1 to 63 letters, digits and inner
// hyphens.
bool is_host_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  for (;;) {
    const std::size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    const bool good = !label.empty() && label.size() <= 63 && label.front() != '-' &&
                      label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                        return is_letter_or_digit(c) || c == '-';
                      });
    if (!good) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool is_word_of(std::string_view text, std::size_t max_bytes, std::string_view also) {
  return !text.empty() && text.size() <= max_bytes &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_letter_or_digit(c) || also.find(c) != std::string_view::npos;
         });
}

// "80 95 100" or "off".
bool are_percentages(std::string_view text) {
  if (text == "off") return true;
  int last = 0;
  while (!text.empty()) {
    const std::size_t blank = text.find(' ');
    const std::string_view word = text.substr(0, blank);
    int number = 0;
    for (const char c : word) {
      if (c < '0' || c > '9' || number > 100) return false;
      number = 10 * number + (c - '0');
    }
    if (number <= last || number > 100) return false;
    last = number;
    if (blank == std::string_view::npos) return true;
    text.remove_prefix(blank + 1);
  }
  return false;
}

// The longest greeting that fits a reply line (RFC 5321 section 4.5.3.1.5) with its code and CRLF.
constexpr std::size_t kMaxTextLine = 500;

Result<SettingScalar> parse_line(const SettingInfo& setting, std::string_view text) {
  bool good = false;
  switch (setting.shape) {
    case LineShape::text:
      good = !text.empty() && text.size() <= kMaxTextLine;
      break;
    case LineShape::host_name:
      good = is_host_name(text);
      break;
    case LineShape::local_part:
      good = is_word_of(text, 64, "!#$%&'*+-/=?^_`{|}~.");
      break;
    case LineShape::account:
      good = is_word_of(text, 32, "-_.");
      break;
    case LineShape::percentages:
      good = are_percentages(text);
      break;
  }
  if (!good)
    return permanent(fmt::format("\"{}\" does not fit; write {}", text, describe_values(setting)));
  return SettingScalar(std::string(text));
}

Result<SettingScalar> parse_choice(const SettingInfo& setting, std::string_view text) {
  std::string_view left = setting.choices;
  while (!left.empty()) {
    const std::size_t bar = left.find('|');
    if (left.substr(0, bar) == text) return SettingScalar(std::string(text));
    left = bar == std::string_view::npos ? std::string_view{} : left.substr(bar + 1);
  }
  return permanent(fmt::format("\"{}\" is not a choice; write {}", text, describe_values(setting)));
}

std::string describe_shape(LineShape shape) {
  switch (shape) {
    case LineShape::text:
      return fmt::format("a line of 1 to {} characters", kMaxTextLine);
    case LineShape::host_name:
      return "a host name such as mx.example.org";
    case LineShape::local_part:
      return "the part of an address before the @";
    case LineShape::account:
      return "the name of a system account";
    case LineShape::percentages:
      return "percentages from 1 to 100 in rising order, such as 80 95 100, or off";
  }
  return {};
}

}  // namespace

Result<SettingScalar> parse_setting_scalar(const SettingInfo& setting, std::string_view text) {
  switch (setting.kind) {
    case SettingKind::integer:
    case SettingKind::size:
    case SettingKind::duration:
      return parse_number(setting, text);
    case SettingKind::boolean:
      return parse_boolean(text);
    case SettingKind::choice:
      return parse_choice(setting, text);
    default:
      return parse_line(setting, text);
  }
}

std::string default_setting_text(const SettingInfo& setting) {
  switch (setting.kind) {
    case SettingKind::integer:
    case SettingKind::size:
    case SettingKind::duration:
      return std::to_string(setting.default_number);
    case SettingKind::boolean:
      return setting.default_number != 0 ? "yes" : "no";
    default:
      return std::string(setting.default_text);
  }
}

std::string describe_values(const SettingInfo& setting) {
  switch (setting.kind) {
    case SettingKind::integer:
    case SettingKind::size:
    case SettingKind::duration:
      return fmt::format("a number from {} to {} ({})", setting.minimum, setting.maximum,
                         setting.unit);
    case SettingKind::boolean:
      return "yes or no";
    case SettingKind::choice: {
      std::string words(setting.choices);
      for (std::size_t bar = words.find('|'); bar != std::string::npos; bar = words.find('|', bar))
        words.replace(bar, 1, " or ");
      return words;
    }
    case SettingKind::line:
      return describe_shape(setting.shape);
    case SettingKind::list:
      return "one entry a line";
    case SettingKind::networks:
      return "one network a line, such as 192.0.2.0/24 or 2001:db8::/32";
    case SettingKind::endpoints:
      return "one address and port a line, such as 192.0.2.1:25 or [::1]:25";
  }
  return {};
}

Result<std::string> canonical_setting_text(const SettingInfo& setting, std::string_view typed) {
  std::string text(typed);
  if (setting.kind == SettingKind::size || setting.kind == SettingKind::duration) {
    const std::optional<std::int64_t> meant = number_with_suffix(setting, typed);
    if (meant) text = std::to_string(*meant);
  }
  if (!text.empty() && text.back() != '\n') text += '\n';
  SettingFiles files;
  files.emplace("me", "localhost");
  files.insert_or_assign(std::string(setting.name), text);
  Settings::Read read = Settings::parse(std::move(files));
  for (const SettingProblem& problem : read.problems) {
    if (problem.line <= 1) return permanent(problem.text);
    return permanent("line " + std::to_string(problem.line) + ": " + problem.text);
  }
  return text;
}

}  // namespace toast
